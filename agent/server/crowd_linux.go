package server

import (
	"net"
	"sync"

	"dlx/agent/identity"
	"dlx/fault"
	"dlx/internal/linux"
)

// Bounds of one caller. Each call can hold a message until all of it has come.
const (
	maxConns = 64 // of a user of this host, to the socket
	maxCalls = 64 // under way at once
)

// crowd counts what each has under way.
type crowd[K comparable] struct {
	mu   sync.Mutex
	most int
	of   map[K]int
}

func newCrowd[K comparable](most int) *crowd[K] { return &crowd[K]{most: most, of: map[K]int{}} }

// enter takes a place, which leave gives back, and says whether there was one.
func (c *crowd[K]) enter(who K) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[who] >= c.most {
		return nil, false
	}
	c.of[who]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.of[who]--; c.of[who] == 0 {
			delete(c.of, who)
		}
	}), true
}

// orderly is a listener on a unix socket at which each user has so many connections at most.
type orderly struct {
	net.Listener
	users *crowd[int]
}

// Accept is net.Listener's. A connection too many is closed.
func (o *orderly) Accept() (net.Conn, error) {
	for {
		conn, err := o.Listener.Accept()
		local, ok := conn.(*net.UnixConn)
		if err != nil || !ok {
			return conn, err
		}
		if uid, err := linux.PeerUser(local); err == nil {
			if leave, ok := o.users.enter(uid); ok {
				return &counted{local, leave}, nil
			}
		}
		_ = conn.Close()
	}
}

// counted is a connection that has a place.
type counted struct {
	*net.UnixConn
	leave func()
}

// Close gives the place back.
func (c *counted) Close() error {
	defer c.leave()
	return c.UnixConn.Close()
}

func tooMany(c *identity.Caller) error {
	return fault.New(fault.TooMany, c.Name, "%s has %d calls under way already", c.Name, maxCalls)
}
