package tlsid

import (
	"net"
	"sync"
)

// watched is a connection that is watched until it is closed.
type watched struct {
	net.Conn
	mu     sync.Mutex
	closed bool
	remove func()
}

// watch has remove called with Close.
func (w *watched) watch(remove func()) {
	w.mu.Lock()
	closed := w.closed
	w.remove = remove
	w.mu.Unlock()
	if closed {
		remove()
	}
}

// Close is called by tls.Conn's.
func (w *watched) Close() error {
	w.mu.Lock()
	w.closed = true
	remove := w.remove
	w.mu.Unlock()
	if remove != nil {
		remove()
	}
	return w.Conn.Close()
}
