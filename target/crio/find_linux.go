package crio

import (
	"context"
	"fmt"

	"dlx/fault"
	"dlx/target"
	"dlx/target/internal/grpcwire"
	"dlx/target/internal/naming"
)

// Find looks for names, IDs and what they begin with in one list.
func (r *Runtime) Find(ctx context.Context, name string) ([]target.Info, error) {
	if !naming.Plain(name) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	all, err := r.containers(ctx)
	inspect := func(c container) (*target.Info, error) { return r.inspect(ctx, c.id) }
	return naming.Found(matching(all, name), err, inspect, func(c container) target.Info { return c.info() })
}

// matching returns the containers that a name means.
func matching(all []container, name string) (hits []container) {
	candidates := make([]naming.Candidate, len(all))
	for i, c := range all {
		if c.askable() {
			candidates[i] = naming.Candidate{ID: c.id, Name: c.name(), Place: naming.Place(c.labels), Live: c.state.Live(), Created: c.created}
		}
	}
	for _, i := range naming.Matching(candidates, name) {
		hits = append(hits, all[i])
	}
	return hits
}

// Inspect returns what the runtime says of a container now.
func (r *Runtime) Inspect(ctx context.Context, id string) (*target.Info, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	return r.inspect(ctx, id)
}

func (r *Runtime) inspect(ctx context.Context, id string) (*target.Info, error) {
	s, err := r.status(ctx, id)
	if err != nil {
		return nil, err
	}
	info := s.info()
	if err := s.specify(&info); err != nil {
		return nil, err
	}
	if info.State == target.Exited && info.Place != "" {
		info.Awaited, err = r.podLives(ctx, s.labels[naming.LabelPodUID])
	}
	return &info, err
}

// ready is PodSandboxState's SANDBOX_READY.
const ready = 0

// podLives says whether a pod has a sandbox that is ready: its containers' next ones may be in
// another sandbox than the last. Kubernetes stops the sandbox when nothing is to be started in the
// pod any more.
func (r *Runtime) podLives(ctx context.Context, uid string) (lives bool, err error) {
	const what = "ask for the sandbox of a pod"
	of := grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, naming.LabelPodUID), 2, uid)
	filter := grpcwire.AppendBytes(nil, 3, of) // PodSandboxFilter's label_selector
	answer, err := r.call(ctx, what, "ListPodSandbox", grpcwire.AppendBytes(nil, 1, filter))
	if err != nil {
		return false, err
	}
	err = grpcwire.Fields(answer, func(f grpcwire.Field) error {
		if f.Number != 1 {
			return nil
		}
		is, err := parseSandbox(f.Bytes(), uid)
		lives = lives || is
		return err
	})
	if err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	return lives, nil
}

// parseSandbox says whether a PodSandbox is ready, and that of a pod.
func parseSandbox(message []byte, uid string) (is bool, err error) {
	state, of := uint64(ready), false
	err = grpcwire.Fields(message, func(f grpcwire.Field) error {
		switch f.Number {
		case 3:
			state = f.Uint()
		case 5:
			key, value, err := f.Pair()
			of = of || key == naming.LabelPodUID && value == uid
			return err
		}
		return nil
	})
	return state == ready && of, err
}

func notFound(id string) error { return fault.New(fault.NotFound, id, "no container %q", id) }
