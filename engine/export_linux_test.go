package engine

import (
	"time"

	"dlx/internal/hold"
	"dlx/internal/linux"
)

// PromptName is promptName, for tests.
var PromptName = promptName

// RingSize is how large a ring each source of a request's capture gets, in bytes.
func RingSize(req CaptureRequest) int { return (&followers{req: &req}).ringSize() }

// SetRestartWait changes how long a container that ended is waited for, until restore is called.
func SetRestartWait(d time.Duration) (restore func()) {
	before := restartWait
	restartWait = d
	return func() { restartWait = before }
}

// WithoutBirths has the kernel tell of no processes, until what it returns is called.
func WithoutBirths() (restore func()) {
	old := newCatcher
	newCatcher = func(func([]byte) bool) (*hold.Catcher, error) { return nil, linux.ErrNoBirths }
	return func() { newCatcher = old }
}

// Shares says whether a Local keeps its toolbox placed for sessions to come.
func (l *Local) Shares() bool {
	l.ready.mu.Lock()
	defer l.ready.mu.Unlock()
	return l.ready.box != nil
}

// NextReady waits until it is known whether the next session is prepared.
func (l *Local) NextReady() bool {
	l.ready.making.Wait()
	l.ready.mu.Lock()
	defer l.ready.mu.Unlock()
	return l.ready.next.keeper.Lives()
}
