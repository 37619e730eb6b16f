package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dlx/capture"
	"dlx/fault"
	"dlx/internal/printable"
	"dlx/nsutil"
	"dlx/target"
)

// namespace is a network namespace that is captured in.
type namespace struct {
	id      nsutil.ID
	targets []*target.Target // whose namespace it is; the first one is waited for
	remove  func()           // gives the source up
}

// start is one of a container's.
type start struct {
	ref  target.Ref
	when time.Time
}

func startOf(t *target.Target) start { return start{t.Ref(), t.Started} }

// found notes the start of a container, and says whether nobody has found it before: by its name,
// by its label, and as the next one of a container that has ended.
func (f *followers) found(t *target.Target) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := startOf(t)
	if _, before := f.starts[s]; before {
		return false
	}
	f.starts[s] = false
	return true
}

// claim enters a target's namespace into those that are captured in. A namespace that is there
// already, such as a shared one, gets one more target, and add is false.
func (f *followers) claim(t *target.Target) (n *namespace, add bool) {
	id := t.Process.Namespaces()[nsutil.Net]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts[startOf(t)] = true
	if n := f.namespaces[id]; n != nil {
		n.targets = append(n.targets, t)
		return n, false
	}
	n = &namespace{id: id, targets: []*target.Target{t}}
	f.namespaces[id] = n
	f.running++
	return n, true
}

// add captures in a namespace until its targets have ended, then where the last one starts again.
func (f *followers) add(ctx context.Context, n *namespace, comment string) error {
	if err := f.open(n, comment); err != nil {
		err = errors.Join(err, f.forget(n))
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running--
		return err
	}
	f.wg.Go(func() { f.follow(ctx, n) })
	return nil
}

// open opens the source of a namespace.
func (f *followers) open(n *namespace, comment string) (err error) {
	src := f.source(n, comment)
	if n.id == f.own.namespace && f.own.compile != nil {
		src.Compile, src.Filter = f.own.compile, f.own.filter
		f.mu.Lock()
		f.leftOut = f.req.Own
		f.mu.Unlock()
	}
	if n.remove, err = f.c.Add(src); errors.Is(err, capture.ErrPermission) {
		return fault.New(fault.NoPrivileges, src.Name, "no permission to capture in the network of %s: %w", src.Name, err)
	}
	return err
}

// source is a namespace as a capture sees it.
func (f *followers) source(n *namespace, comment string) capture.Source {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := n.targets[0]
	var names []string
	for _, t := range n.targets {
		names = append(names, printable.Escape(t.Name))
	}
	return capture.Source{
		Enter: func(fn func() error) error { return first.Process.Do(nsutil.Net, fn) },
		Name:  strings.Join(names, "+"), Image: printable.Escape(first.Image), Comment: comment,
	}
}

// follow gives a source up when its containers have ended, and goes on with the next start. When
// the last container has ended, the capture ends.
func (f *followers) follow(ctx context.Context, n *namespace) {
	f.mu.Lock()
	t := n.targets[0]
	f.mu.Unlock()
	for t.Process.Wait(ctx) == nil {
		if other := f.another(n, t); other != nil { // the namespace lives on
			t = other
			continue
		}
		f.restart(ctx, n, t)
		break
	}
	f.note(f.forget(n))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running--; f.running == 0 && len(f.req.Labels) == 0 && ctx.Err() == nil {
		f.allEnded = true
		f.stop()
	}
}

// another gives up a target that has ended for the namespace's next one. Without one the namespace
// is captured in no longer: a target that comes now gets a source of its own, and so does a new
// namespace of the same number.
func (f *followers) another(n *namespace, ended *target.Target) *target.Target {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(n.targets) == 1 {
		delete(f.namespaces, n.id)
		f.ended[ended.Lasting()] = time.Now()
		return nil
	}
	n.targets = n.targets[1:]
	delete(f.starts, startOf(ended))
	f.err = errors.Join(f.err, ended.Close())
	return n.targets[0]
}

// restart gives up a namespace whose last container has ended. It goes on in the container's next.
func (f *followers) restart(ctx context.Context, n *namespace, t *target.Target) {
	n.remove()
	next, err := f.next(ctx, t)
	if next != nil && !f.found(next) { // by its label
		f.mu.Lock()
		captured := f.starts[startOf(next)]
		f.mu.Unlock()
		if captured { // perhaps before the end was seen
			f.restarted(next)
		}
		f.note(next.Close())
		return
	}
	if next != nil {
		if err = f.admit(ctx, next); err != nil {
			err = errors.Join(err, next.Close())
			next = nil
		}
	}
	f.note(err)
	if next == nil {
		f.mu.Lock()
		delete(f.ended, t.Lasting())
		f.mu.Unlock()
		return
	}
	m, add := f.claim(next)
	comment := f.restarted(next)
	if add {
		f.note(f.add(ctx, m, comment))
	}
}

// restarted notes that a container which had ended is captured again, and returns what the file is
// to say of that. Who finds it by its label may come first. It is "" for one that had not ended.
func (f *followers) restarted(t *target.Target) (comment string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ended, ok := f.ended[t.Lasting()]
	if !ok {
		return ""
	}
	delete(f.ended, t.Lasting())
	gap := time.Since(ended).Round(time.Millisecond)
	comment = fmt.Sprintf("%s was restarted: nothing was captured for %s", printable.Escape(t.Name), gap)
	f.restarts = append(f.restarts, comment)
	return comment
}

// forget gives up a namespace with its targets.
func (f *followers) forget(n *namespace) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, t := range n.targets {
		errs = append(errs, t.Close())
		delete(f.starts, startOf(t))
	}
	n.targets = nil
	if f.namespaces[n.id] == n {
		delete(f.namespaces, n.id)
	}
	return errors.Join(errs...)
}

// note keeps an error for the end of the capture.
func (f *followers) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = errors.Join(f.err, err)
}

// restartWait is how long a container that ended may take to start again, unless its runtime says
// that it will. `docker restart` takes a fraction of a second from the one to the other. Tests
// change it.
var restartWait = 3 * time.Second

// next waits for the next start of a container that has ended, or of what takes its place, and
// holds it. Without one it is nil.
func (f *followers) next(ctx context.Context, t *target.Target) (*target.Target, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	starts, err := f.l.targets.WatchFor(ctx, &t.Info)
	if err != nil {
		return nil, err
	}
	wait := time.NewTimer(0) // it may have been started before the subscription
	defer wait.Stop()
	for until := time.Now().Add(restartWait); ; {
		select {
		case e, ok := <-starts:
			if !ok || e.Err != nil {
				return nil, e.Err
			}
		case <-wait.C:
		}
		next, err := f.successor(ctx, t)
		if err == nil && next.Started.After(t.Started) {
			return next, nil
		}
		if err == nil {
			err = next.Close()
		}
		if !retryable(err) || time.Now().After(until) {
			now, ierr := f.l.targets.Inspect(ctx, &t.Info)
			if ierr != nil || !retryable(err) {
				return nil, nil // it has ended, for whatever reason
			}
			started := now.State.Live() && now.Started.After(t.Started) // a moment ago
			if !started && now.State != target.Restarting && !now.Awaited {
				return nil, nil
			}
		}
		wait.Reset(restartWait)
	}
}

// successor takes hold of a container that has started again, or of what runs in its place.
func (f *followers) successor(ctx context.Context, t *target.Target) (*target.Target, error) {
	ref, err := f.l.targets.Successor(ctx, &t.Info)
	if err != nil {
		return nil, err
	}
	return f.l.targets.Open(ctx, ref.String())
}

// retryable says whether a container may yet come back.
func retryable(err error) bool {
	return err == nil || errors.Is(err, fault.NotRunning) || errors.Is(err, fault.Changed)
}

// watchLabels captures in the containers that have the request's labels, those to come included.
func (f *followers) watchLabels(ctx context.Context) error {
	if len(f.req.Labels) == 0 {
		return nil
	}
	labelled := target.Filter{Labels: f.req.Labels}
	starts, err := f.l.targets.Watch(ctx, labelled)
	if err != nil {
		return err
	}
	there, err := f.l.targets.Chosen(ctx, labelled)
	if err != nil {
		return err
	}
	for _, info := range there {
		if err := f.try(ctx, info.Ref()); err != nil {
			return err
		}
	}
	f.wg.Go(func() {
		for e := range starts {
			if e.Err != nil {
				f.note(e.Err)
				f.stop()
				return
			}
			if err := f.try(ctx, e.Ref); ctx.Err() == nil || errors.Is(err, fault.Refused) {
				f.note(err)
			}
		}
	})
	return nil
}

// try captures in a container unless it has ended already.
func (f *followers) try(ctx context.Context, ref target.Ref) error {
	t, err := f.l.targets.Open(ctx, ref.String())
	if endedAlready(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !f.found(t) {
		return t.Close()
	}
	if err := f.admit(ctx, t); err != nil {
		return errors.Join(err, t.Close())
	}
	n, add := f.claim(t)
	if !add {
		return nil
	}
	return f.add(ctx, n, f.restarted(t))
}

// endedAlready says that a container is not there any more.
func endedAlready(err error) bool {
	return errors.Is(err, fault.NotFound) || err != nil && retryable(err)
}
