package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"dlx/engine"
	"dlx/fault"
	"dlx/target"
)

// fake is a runtime whose containers are processes that the test has started.
type fake struct {
	t      *testing.T
	scheme string

	mu      sync.Mutex
	there   []*fakeContainer
	watches []*watch
	asked   []string                                   // what it was asked, by name
	before  map[string]func(ctx context.Context) error // called before it answers: may fail, and may wait
}

// watch is a subscription to starts.
type watch struct {
	target.Filter
	events chan target.Event
}

var _ target.Runtime = (*fake)(nil)

func newFake(t *testing.T, scheme string) *fake {
	return &fake{t: t, scheme: scheme, before: map[string]func(context.Context) error{}}
}

// localOf is a Local of runtimes and of nothing else on this machine.
func localOf(t *testing.T, o engine.LocalOptions, runtimes ...*fake) *engine.Local {
	t.Helper()
	for _, r := range runtimes {
		o.Runtimes = append(o.Runtimes, r)
	}
	if o.State == "" {
		o.State = t.TempDir()
	}
	e := engine.NewLocal(o)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// ask notes a question, and does what the test wants done before the answer.
func (f *fake) ask(ctx context.Context, what string) error {
	f.mu.Lock()
	f.asked = append(f.asked, what)
	before := f.before[what]
	f.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(ctx)
}

// times is how often it was asked something.
func (f *fake) times(what string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if a == what {
			n++
		}
	}
	return n
}

// hang waits for as long as who asks does.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (f *fake) Scheme() string { return f.scheme }

func (f *fake) Owner() int { return 0 }

// matching returns copies of the containers that a condition holds for.
func (f *fake) matching(cond func(*fakeContainer) bool) (list []target.Info) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.there {
		if cond(c) {
			list = append(list, c.Info)
		}
	}
	return list
}

func (f *fake) List(ctx context.Context, filter target.Filter) ([]target.Info, error) {
	err := f.ask(ctx, "list")
	if err != nil && errors.Is(err, ctx.Err()) { // who asked has given up
		return nil, err
	}
	list := f.matching(func(c *fakeContainer) bool { return c.passes(filter) && (filter.All || c.State.Live()) })
	for i := range list {
		if !filter.PIDs {
			list[i].PID = 0
		}
	}
	return list, err
}

func (f *fake) Find(ctx context.Context, name string) ([]target.Info, error) {
	if err := f.ask(ctx, "find"); err != nil {
		return nil, err
	}
	exact := f.matching(func(c *fakeContainer) bool { return c.Name == name || c.ID == name })
	if len(exact) > 0 {
		return exact, nil
	}
	return f.matching(func(c *fakeContainer) bool { return strings.HasPrefix(c.Name, name) || strings.HasPrefix(c.ID, name) }), nil
}

func (f *fake) Inspect(ctx context.Context, id string) (*target.Info, error) {
	if err := f.ask(ctx, "inspect"); err != nil {
		return nil, err
	}
	list := f.matching(func(c *fakeContainer) bool { return c.ID == id })
	if len(list) == 0 {
		return nil, fault.New(fault.NotFound, id, "no container %q", id)
	}
	return &list[0], nil
}

func (f *fake) Rootfs(ctx context.Context, c *target.Info) (target.Layers, error) {
	return c.Layers, f.ask(ctx, "rootfs")
}

func (f *fake) Watch(ctx context.Context, filter target.Filter) (<-chan target.Event, error) {
	what := "watch"
	if filter.ID != "" {
		what = "watch one"
	}
	if err := f.ask(ctx, what); err != nil {
		return nil, err
	}
	w := &watch{filter, make(chan target.Event, 16)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watches = append(f.watches, w)
	told := make(chan target.Event)
	go func() {
		defer close(told)
		for {
			select {
			case e := <-w.events:
				select {
				case told <- e:
				case <-ctx.Done():
					return
				}
				if e.Err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return told, nil
}

func (f *fake) Health(ctx context.Context) (string, error) {
	return "fake of " + f.scheme, f.ask(ctx, "health")
}

func (f *fake) Close() error { return nil }

// breakWatches ends all events by an error.
func (f *fake) breakWatches(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.watches {
		w.events <- target.Event{Err: err}
	}
}
