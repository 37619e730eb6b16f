package target

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"dlx/fault"
)

// Set is the runtimes of this host. It knows their schemes, and what a name means that several of
// them, or several containers, have.
type Set struct {
	runtimes []Runtime // asked for names without a scheme, and for lists
	pids     Runtime   // asked for its scheme alone
}

// NewSet is the set of some runtimes, and of processes that are named by their numbers. It owns
// them from here on.
func NewSet(runtimes ...Runtime) *Set { return &Set{runtimes, pids{}} }

// Close releases the connections.
func (s *Set) Close() error {
	var errs []error
	for _, r := range s.runtimes {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// Runtimes are those that are asked for lists.
func (s *Set) Runtimes() []Runtime { return s.runtimes }

// runtime returns the one of a scheme.
func (s *Set) runtime(scheme string) (Runtime, bool) {
	if scheme == s.pids.Scheme() {
		return s.pids, true
	}
	i := slices.IndexFunc(s.runtimes, func(r Runtime) bool { return r.Scheme() == scheme })
	if i < 0 {
		return nil, false
	}
	return s.runtimes[i], true
}

// Resolve finds the one container that a TARGET means. Text that is no TARGET is a fault.BadTarget.
// If none fits it is a fault.NotFound or NoProcess, and if several do an Ambiguous.
func (s *Set) Resolve(ctx context.Context, text string) (*Info, error) {
	ref, err := ParseRef(text)
	if err != nil {
		return nil, err
	}
	runtimes := s.runtimes
	if ref.Scheme != "" {
		r, ok := s.runtime(ref.Scheme)
		if !ok {
			return nil, noScheme(text, ref.Scheme)
		}
		runtimes = []Runtime{r}
	}
	hits, err := ask(runtimes, func(r Runtime) ([]Info, error) { return r.Find(ctx, ref.Name) })
	hits = exact(hits, ref.Name)
	switch {
	case len(hits) == 1:
		return &hits[0], nil
	case len(hits) > 1:
		return nil, ambiguous(ref, hits)
	case err != nil:
		return nil, err
	case ref.Scheme == PIDScheme:
		return nil, noProcess(ref.Name)
	}
	return nil, s.notFound(ctx, ref, runtimes)
}

// exact returns the containers of that very name or ID or, if there are none, all.
func exact(hits []Info, name string) []Info {
	var whole []Info
	for _, h := range hits {
		if h.Name == name || h.ID == name {
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
	all, err := ask(runtimes, func(r Runtime) ([]Info, error) { return r.List(ctx, Filter{All: true}) })
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
	list, err := ask(s.runtimes, func(r Runtime) ([]Info, error) { return r.List(ctx, f) })
	slices.SortStableFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// Inspect asks a container's own runtime about it once more.
func (s *Set) Inspect(ctx context.Context, c *Info) (*Info, error) {
	r, ok := s.runtime(c.Runtime)
	if !ok {
		return nil, noScheme(c.Ref().String(), c.Runtime)
	}
	return r.Inspect(ctx, c.ID)
}

// Rootfs returns the host directories of a container's files, as its runtime names them.
func (s *Set) Rootfs(ctx context.Context, c *Info) (Layers, error) {
	r, ok := s.runtime(c.Runtime)
	if !ok {
		return Layers{}, nil
	}
	return r.Rootfs(ctx, c)
}

// Watch tells of the starts of one runtime's containers, or, without a scheme, of all runtimes'. It
// has subscribed with all of them when it returns. An event with an error is the last one of its
// runtime; the channel is closed when nothing more can come.
func (s *Set) Watch(ctx context.Context, scheme string, f Filter) (<-chan Event, error) {
	runtimes := s.runtimes
	if scheme != "" {
		r, ok := s.runtime(scheme)
		if !ok {
			return nil, noScheme(scheme+"://", scheme)
		}
		runtimes = []Runtime{r}
	}
	ctx, stop := context.WithCancel(ctx)
	all := make(chan Event)
	var wg sync.WaitGroup
	for _, r := range runtimes {
		events, err := r.Watch(ctx, f)
		if err != nil {
			stop()
			return nil, err
		}
		wg.Go(func() {
			for e := range events {
				select {
				case all <- e:
				case <-ctx.Done():
				}
			}
		})
	}
	go func() {
		defer close(all)
		defer stop()
		wg.Wait()
	}()
	return all, nil
}

// ask asks runtimes at the same time. Answers come in their order, beside the errors of the others.
func ask(runtimes []Runtime, f func(Runtime) ([]Info, error)) (list []Info, err error) {
	answers := make([][]Info, len(runtimes))
	errs := make([]error, len(runtimes))
	var wg sync.WaitGroup
	for i, r := range runtimes {
		wg.Go(func() { answers[i], errs[i] = f(r) })
	}
	wg.Wait()
	return slices.Concat(answers...), errors.Join(errs...)
}
