package server

import (
	"io"
	"sync"
)

// window is how much of standard input an agent holds for a session.
const window = 64 << 10

// input is the standard input of a session: what a client has sent and the session has not taken.
// Of a client that keeps to its credit there is never more than the window.
type input struct {
	credit func(n int) // is called without the lock

	mu     sync.Mutex
	more   sync.Cond
	data   []byte
	owed   int // bytes that the client may still send
	closed bool
}

// newInput gives the client credit for a window.
func newInput(credit func(n int)) *input {
	in := &input{credit: credit, owed: window}
	in.more.L = &in.mu
	credit(window)
	return in
}

// put adds what the client has sent. It is false if that is more than it may.
func (in *input) put(data []byte) bool {
	if in == nil {
		return len(data) == 0
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(data) > in.owed {
		return false
	}
	in.owed -= len(data)
	if !in.closed {
		in.data = append(in.data, data...)
		in.more.Signal()
	}
	return true
}

// close ends it behind what is there.
func (in *input) close() {
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.more.Broadcast()
}

// Read waits for input, and gives credit for what it takes.
func (in *input) Read(p []byte) (int, error) {
	in.mu.Lock()
	for len(in.data) == 0 && !in.closed {
		in.more.Wait()
	}
	n := copy(p, in.data)
	in.data = append(in.data[:0], in.data[n:]...)
	if n == 0 {
		in.mu.Unlock()
		return 0, io.EOF
	}
	in.owed += n
	in.mu.Unlock()
	in.credit(n)
	return n, nil
}
