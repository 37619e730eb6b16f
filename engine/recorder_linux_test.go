package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"sync"

	"dlx/engine"
	"dlx/nsutil"
)

// recordingGate notes what it is asked and told, and refuses what the test says.
type recordingGate struct {
	mu      sync.Mutex
	asked   []engine.Operation
	told    []engine.Outcome
	refuses func(engine.Operation) error // nil: nothing
	unaware bool                         // of outcomes
}

var errNotToday = errors.New("not today")

func (g *recordingGate) Begin(_ context.Context, op engine.Operation) (func(engine.Outcome), error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, op)
	if g.refuses != nil {
		if err := g.refuses(op); err != nil {
			return nil, err
		}
	}
	if g.unaware {
		return nil, nil
	}
	return func(o engine.Outcome) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.told = append(g.told, o)
	}, nil
}

// refuse has the gate refuse what is done to some containers.
func (g *recordingGate) refuse(names ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuses = func(op engine.Operation) error {
		if slices.Contains(names, op.Target.Name) {
			return errNotToday
		}
		return nil
	}
}

// about lists the containers that it was asked about.
func (g *recordingGate) about() (names []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, op := range g.asked {
		names = append(names, op.Target.Name)
	}
	return names
}

// listening says how many packet sockets there are in a container's network namespace (packet(7)).
func listening(p *engine.Process) (n int, err error) {
	held, err := nsutil.Open(p.PID)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	err = held.Do(nsutil.Net, func() error {
		table, err := os.ReadFile("/proc/thread-self/net/packet")
		n = bytes.Count(table, []byte("\n")) - 1 // without the heading
		return err
	})
	return n, err
}
