package tlsid

import (
	"net"
	"testing"
	"time"
)

// Bounds of connections that nobody is known of yet.
const (
	MaxPending     = maxPending
	MaxPendingFrom = maxPendingFrom
)

// SetClock has a Reloader take another time for now, and look at each of its files and connections
// often. It is called before there are any.
func SetClock(_ *testing.T, r *Reloader, now func() time.Time) {
	r.now, r.every = now, 10*time.Millisecond
}

// Watched is how many watches there are.
func Watched(r *Reloader) int {
	r.watches.mu.Lock()
	defer r.watches.mu.Unlock()
	return len(r.watches.all)
}

// Pending is how many handshakes of a Reloader's listener are under way.
func Pending(l net.Listener) int {
	it := l.(*listener)
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.pending
}
