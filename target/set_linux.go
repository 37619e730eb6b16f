package target

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"

	"dlx/fault"
	"dlx/nsutil"
)

// Set is the runtimes of this host. It knows their schemes, and what a name means that several of
// them, or several containers, have.
type Set struct {
	runtimes []Runtime // asked for names without a scheme, and for lists
	others   []Runtime // asked for their schemes alone
	standIn  StandIn   // for what has no process; nil: there is none

	mu     sync.Mutex
	closed bool
	asking sync.WaitGroup // questions, also those whose answers nobody waits for any longer
}

// NewSet is the set of some runtimes, and of processes that are named by their numbers. It owns
// them from here on.
func NewSet(runtimes ...Runtime) *Set {
	return &Set{runtimes: runtimes, others: []Runtime{pids{}, netnses{}}}
}

// StandIn makes a process that stands for a network namespace. Its owner closes it, and then ends
// it.
type StandIn func(ctx context.Context, c *Info) (p *nsutil.Process, end func() error, err error)

// SetStandIn has the set open what has no process by one that stands for it.
func (s *Set) SetStandIn(f StandIn) { s.standIn = f }

// Close ends what is being asked, and releases the connections.
func (s *Set) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	var errs []error
	for _, r := range s.runtimes {
		errs = append(errs, r.Close())
	}
	s.asking.Wait()
	return errors.Join(errs...)
}

// Runtimes are those that are asked for lists.
func (s *Set) Runtimes() []Runtime { return s.runtimes }

// of returns the runtimes of a scheme, or all that are asked where none is named.
func (s *Set) of(scheme string) []Runtime {
	if scheme == "" {
		return s.runtimes
	}
	return having(slices.Concat(s.runtimes, s.others), func(r Runtime) bool { return r.Scheme() == scheme })
}

// runtime returns a container's own.
func (s *Set) runtime(c *Info) (Runtime, bool) {
	of := having(s.of(c.Runtime), func(r Runtime) bool { return r.Owner() == c.Owner })
	if len(of) == 0 {
		return nil, false
	}
	return of[0], true
}

// Others says whether a runtime is neither root's nor the caller's. Beside those, what it fails at
// is no failure of the host's.
func Others(r Runtime) bool { return r.Owner() != 0 && r.Owner() != os.Geteuid() }

func own(r Runtime) bool { return !Others(r) }

func having(runtimes []Runtime, cond func(Runtime) bool) (list []Runtime) {
	for _, r := range runtimes {
		if cond(r) {
			list = append(list, r)
		}
	}
	return list
}

// Resolve finds the one container that a TARGET means. Text that is no TARGET is a fault.BadTarget.
// If none fits it is a fault.NotFound or NoProcess, and if several do an Ambiguous. While a runtime
// fails to answer, the beginning of a name is not enough: it may be that of a container there. What
// has that very name in a runtime of one's own is meant, and nobody else is asked: no user can take
// a name from it.
func (s *Set) Resolve(ctx context.Context, text string) (*Info, error) {
	ref, err := ParseRef(text)
	if err != nil {
		return nil, err
	}
	if ref.Scheme == ImageScheme {
		return nil, fault.New(fault.WrongTarget, text, "%s is an image, and no container", text)
	}
	runtimes, name := s.of(ref.Scheme), ref.Name
	if owner, rest, ok := ref.owned(); ok {
		runtimes, name = having(runtimes, func(r Runtime) bool { return r.Owner() == owner }), rest
	}
	if len(runtimes) == 0 {
		return nil, noScheme(text, ref.Scheme)
	}
	hits, err := s.find(ctx, runtimes, name)
	switch {
	case len(hits) == 1 && (err == nil || hits[0].named(name)):
		return &hits[0], nil
	case len(hits) == 1:
		return nil, err
	case len(hits) > 1:
		return nil, ambiguous(ref, hits)
	case err != nil:
		return nil, err
	case ref.Scheme == PIDScheme:
		return nil, noProcess(ref.Name)
	case ref.Scheme == NetNSScheme:
		return nil, noNetNS(ref.Name)
	}
	return nil, s.notFound(ctx, ref, runtimes)
}

// find asks one's own runtimes first. Beside them, others have a second, and what they fail at is
// no error.
func (s *Set) find(ctx context.Context, runtimes []Runtime, name string) (hits []Info, err error) {
	find := func(ctx context.Context, r Runtime) ([]Info, error) { return r.Find(ctx, name) }
	ours, theirs := having(runtimes, own), having(runtimes, Others)
	if len(ours) == 0 {
		hits, err = s.ask(ctx, theirs, find)
		return exact(hits, name), err
	}
	hits, err = s.findHere(ctx, ours, name)
	if hits = exact(hits, name); len(theirs) == 0 || len(hits) > 0 && hits[0].named(name) {
		return hits, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	more, _ := s.ask(ctx, theirs, find)
	if len(more) > 0 && errors.Is(err, fault.NoRuntime) {
		err = nil
	}
	return exact(append(hits, more...), name), err
}

// findHere asks runtimes, and those that have a quick answer to a very name for no more at first: a
// beginning counts only if nobody has the whole, and is not enough while somebody does not answer.
func (s *Set) findHere(ctx context.Context, runtimes []Runtime, name string) (hits []Info, err error) {
	hits, err = s.ask(ctx, runtimes, func(ctx context.Context, r Runtime) ([]Info, error) {
		if w, ok := r.(Wholes); ok {
			return w.FindWhole(ctx, name)
		}
		return r.Find(ctx, name)
	})
	if err != nil || !slices.ContainsFunc(runtimes, quick) || slices.ContainsFunc(hits, func(c Info) bool { return c.named(name) }) {
		return hits, err
	}
	more, err := s.ask(ctx, runtimes, func(ctx context.Context, r Runtime) ([]Info, error) {
		if !quick(r) {
			return nil, nil // it has answered
		}
		return r.Find(ctx, name)
	})
	return append(hits, more...), err
}

// quick says whether a runtime finds a very name without a look at all of its containers.
func quick(r Runtime) bool { _, ok := r.(Wholes); return ok }

// exact returns the containers of that very name or ID or, if there are none, all.
func exact(hits []Info, name string) []Info {
	var whole []Info
	for _, h := range hits {
		if h.named(name) {
			whole = append(whole, h)
		}
	}
	if len(whole) > 0 {
		return whole
	}
	return hits
}

// notFound says which names may have been meant.
func (s *Set) notFound(ctx context.Context, ref Ref, runtimes []Runtime) error {
	all, err := s.ask(ctx, runtimes, func(ctx context.Context, r Runtime) ([]Info, error) { return r.List(ctx, Filter{All: true}) })
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	return fault.New(fault.NotFound, ref.Name, "no container %q", ref.Name).With(similar(ref.Name, names)...)
}

// List returns the containers of all runtimes, by name. Those of the runtimes that answer come
// beside the error of those that do not.
func (s *Set) List(ctx context.Context, f Filter) ([]Info, error) {
	list, err := s.ask(ctx, s.runtimes, func(ctx context.Context, r Runtime) ([]Info, error) { return r.List(ctx, f) })
	slices.SortStableFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// Inspect asks a container's own runtime about it once more.
func (s *Set) Inspect(ctx context.Context, c *Info) (*Info, error) {
	r, ok := s.runtime(c)
	if !ok {
		return nil, noScheme(c.Ref().String(), c.Runtime)
	}
	return r.Inspect(ctx, c.ID)
}

// Rootfs returns the host directories of a container's files, as its runtime names them.
func (s *Set) Rootfs(ctx context.Context, c *Info) (Layers, error) {
	r, ok := s.runtime(c)
	if !ok {
		return Layers{}, nil
	}
	return r.Rootfs(ctx, c)
}

// Chosen returns the containers of one's own runtimes that a filter lets through. What other users
// label as they like chooses none of theirs: they are asked for by name.
func (s *Set) Chosen(ctx context.Context, f Filter) ([]Info, error) {
	return s.ask(ctx, having(s.runtimes, own), func(ctx context.Context, r Runtime) ([]Info, error) { return r.List(ctx, f) })
}

// Watch tells of the starts of such containers. It has subscribed when it returns, but with a
// runtime that is silent: that one's are told of once it has answered. An event with an error is
// the last one of its runtime; the channel is closed when nothing more can come.
func (s *Set) Watch(ctx context.Context, f Filter) (<-chan Event, error) {
	return watch(ctx, having(s.runtimes, own), f)
}

// WatchFor tells of the next starts of a container, or of what takes its place, as its own runtime
// does.
func (s *Set) WatchFor(ctx context.Context, c *Info) (<-chan Event, error) {
	r, ok := s.runtime(c)
	if !ok {
		return nil, noScheme(c.Ref().String(), c.Runtime)
	}
	return watch(ctx, []Runtime{r}, c.successors())
}

// Successor is the container itself or, for one with a place, what runs there now.
func (s *Set) Successor(ctx context.Context, c *Info) (Ref, error) {
	r, ok := s.runtime(c)
	if c.Place == "" || !ok {
		return c.Ref(), nil
	}
	there, err := r.List(ctx, c.successors())
	if len(there) == 0 {
		return c.Ref(), err
	}
	return there[len(there)-1].Ref(), nil
}

func watch(ctx context.Context, runtimes []Runtime, f Filter) (<-chan Event, error) {
	ctx, stop := context.WithCancel(ctx)
	all := make(chan Event)
	var watching sync.WaitGroup
	_, errs := gather(&watching, runtimes, func(r Runtime) (none struct{}, err error) {
		events, err := r.Watch(ctx, f)
		if err == nil {
			watching.Go(func() { pass(ctx, events, all) })
		}
		return none, err
	})
	go func() {
		defer close(all)
		defer stop()
		watching.Wait()
	}()
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, fault.RuntimeSilent) })
	if err := errors.Join(errs...); err != nil {
		stop()
		return nil, err
	}
	return all, nil
}

// pass hands events on until there are no more.
func pass(ctx context.Context, events <-chan Event, to chan<- Event) {
	for e := range events {
		select {
		case to <- e:
		case <-ctx.Done():
		}
	}
}

// ask is gather for lists, which come one behind the other. Who is not waited for is given up.
func (s *Set) ask(ctx context.Context, runtimes []Runtime, f func(context.Context, Runtime) ([]Info, error)) ([]Info, error) {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	asking := s.begin()
	defer asking.Done()
	lists, errs := gather(asking, runtimes, func(r Runtime) ([]Info, error) { return f(ctx, r) })
	return slices.Concat(lists...), errors.Join(errs...)
}

// begin counts a question among those that Close waits for. Runtimes that are closed ask nothing.
func (s *Set) begin() *sync.WaitGroup {
	s.mu.Lock()
	defer s.mu.Unlock()
	asking := &s.asking
	if s.closed {
		asking = new(sync.WaitGroup)
	}
	asking.Add(1)
	return asking
}
