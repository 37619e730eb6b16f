package grpcwire

import (
	"context"
	"errors"
	"net"
	"sync"
)

// connections are those to one socket. The transport closes idle ones alone, so they are held here.
type connections struct {
	socket string
	mu     sync.Mutex
	open   map[*connection]struct{}
	closed bool
}

// connection is one of them, until it is closed.
type connection struct {
	net.Conn
	of *connections
}

func (c *connections) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	if c.open == nil {
		c.open = map[*connection]struct{}{}
	}
	mine := &connection{conn, c}
	c.open[mine] = struct{}{}
	return mine, nil
}

// Close is called more than once, by the transport and by connections.close.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	if err := c.Conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// close closes all, and lets no other be made.
func (c *connections) close() error {
	c.mu.Lock()
	c.closed = true
	open := c.open
	c.open = nil
	c.mu.Unlock()
	var errs []error
	for conn := range open {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}
