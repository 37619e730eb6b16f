package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"dlx/agent/metrics"
	"dlx/agent/status"
	"dlx/record"
)

// Bounds of what is asked about the agent's health.
const (
	engineLimit = 10 * time.Second // for the runtimes' answer
	engineFresh = 5 * time.Second  // how long it holds
	leastRoom   = 1 << 20          // bytes, for the record
)

// condition is how the agent is, as others may be told.
type condition struct {
	a         *Agent
	listening atomic.Bool
	stopping  atomic.Bool
	engine    *status.Probe
}

func newCondition(a *Agent) *condition {
	c := &condition{a: a}
	c.engine = status.NewProbe(engineLimit, engineFresh, func(ctx context.Context) error {
		// Runtimes that are not there, or say no, are an answer: another agent would have no other.
		_, _ = a.engine.Names(ctx)
		return ctx.Err()
	})
	return c
}

// state is metrics.Set's.
func (c *condition) state() metrics.State {
	ctx := context.Background()
	ready := c.takesWork(ctx) == nil && c.hasPolicy(ctx) == nil && c.recorded(ctx) == nil
	return metrics.State{Ready: ready, RecordLost: c.a.log.Err() != nil}
}

var (
	errStopping     = errors.New("the agent is being stopped")
	errNotListening = errors.New("the agent does not listen yet")
	errNoPolicy     = errors.New("no policy holds")
	errNoRoom       = errors.New("the disk has no room for the record")
)

func (c *condition) takesWork(context.Context) error {
	switch {
	case c.stopping.Load():
		return errStopping
	case !c.listening.Load():
		return errNotListening
	}
	return nil
}

func (c *condition) hasPolicy(context.Context) error {
	if c.a.source.Policy() == nil {
		return errNoPolicy
	}
	return nil
}

// recorded says whether something can be recorded, as far as that can be known without a line.
func (c *condition) recorded(context.Context) error {
	if err := c.a.log.Err(); err != nil {
		return err
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(filepath.Join(c.a.c.State, record.AuditDir), &st); err != nil {
		return fmt.Errorf("look at the record's disk: %w", err)
	}
	if st.Bfree*uint64(st.Bsize) < leastRoom {
		return errNoRoom
	}
	return nil
}

// serve answers about the agent until the returned function is called. Without an address nobody
// asks.
func (c *condition) serve() (stop func() error, err error) {
	if c.a.c.Metrics == "" {
		return func() error { return nil }, nil
	}
	at, err := status.ParseAddress(c.a.c.Metrics)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	if at.Network == "unix" {
		l, err = listenUnix(at.Text, c.a.c.Group)
	} else {
		l, err = net.Listen("tcp", at.Text)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for who asks for metrics: %w", err)
	}
	if !at.Loopback() {
		c.a.c.Log.Warn("who reaches the address of the metrics can read them, without any proof", "address", at.Text)
	}
	record := status.Check{Name: "record", Err: c.recorded}
	s := status.New(status.Options{
		Metrics: c.a.seen.metrics, Log: c.a.c.Log,
		Alive: []status.Check{record, {Name: "engine", Err: c.engine.Err}},
		Ready: []status.Check{{Name: "listening", Err: c.takesWork}, {Name: "policy", Err: c.hasPolicy}, record},
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return func() error { return errors.Join(s.Close(), <-served) }, nil
}
