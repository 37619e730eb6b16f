package nsutil

import (
	"context"
	"errors"

	"dlx/internal/linux"
)

// Trace traces the process until it is closed, and tells what it comes to; see linux.TraceProcess.
// One that has ended is ErrGone.
func (p *Process) Trace(ctx context.Context, kinds ...linux.TraceKind) (*linux.Trace, error) {
	if p.trace != nil {
		return p.trace, nil
	}
	trace, err := linux.TraceProcess(ctx, p.pidfd, p.pid, kinds...)
	if err != nil {
		return nil, gone(err)
	}
	p.trace = trace
	return trace, nil
}

// Traced is what traces the process here, nil if nothing does.
func (p *Process) Traced() *linux.Trace { return p.trace }

// Untrace lets a process that is traced go on. Tracing can begin again.
func (p *Process) Untrace() {
	p.trace.Close()
	p.trace = nil
}

// Signal sends the process a signal. One that has ended is ErrGone.
func (p *Process) Signal(sig linux.Signal) error { return gone(linux.PidfdSignal(p.pidfd, sig)) }

// Handle is another descriptor of the process, for who signals it when this program can not.
func (p *Process) Handle() (*linux.FD, error) { return p.pidfd.Dup() }

// HasEnded says whether the process has ended, also if nobody has reaped it yet.
func (p *Process) HasEnded() bool {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	return p.Wait(now) == nil || errors.Is(p.Alive(), ErrGone)
}
