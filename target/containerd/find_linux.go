package containerd

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dlx/fault"
	"dlx/target"
	"dlx/target/internal/grpcwire"
	"dlx/target/internal/naming"
)

// Find looks for IDs, names and what they begin with in all namespaces, or in that of NAMESPACE/ID.
func (r *Runtime) Find(ctx context.Context, name string) ([]target.Info, error) {
	namespace, part := splitID(name)
	if part == "" || !naming.Plain(namespace+part) || namespace == dockers {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	if namespace != "" {
		info, err := r.inspect(ctx, namespace, part)
		switch {
		case err == nil:
			return []target.Info{*info}, nil
		case !errors.Is(err, fault.NotFound):
			return nil, err
		}
	}
	entries, err := r.entries(ctx, namespace, beginning(part))
	inspect := func(e entry) (*target.Info, error) { return r.inspect(ctx, e.namespace, e.id) }
	return naming.Found(matching(entries, part), err, inspect, func(e entry) target.Info { return r.info(ctx, e) })
}

// beginning has containerd list those alone whose names or IDs may begin with a text (filters of
// containerd's: one of them has to fit, and all parts of it). No pod has a name with "_".
func beginning(text string) []string {
	begins := func(field, text string) string { return field + "~=" + strconv.Quote("^"+regexp.QuoteMeta(text)) }
	label := func(key, text string) string { return begins("labels."+strconv.Quote(key), text) }
	pod, container, _ := strings.Cut(text, "_")
	return []string{begins("id", text), label(labelNerdctl, text), label(naming.LabelPod, pod) + "," + label(naming.LabelContainer, container)}
}

// matching returns the containers that a name means.
func matching(entries []entry, name string) (hits []entry) {
	all := make([]naming.Candidate, len(entries))
	for i, e := range entries {
		if !naming.Plain(e.namespace) {
			continue
		}
		all[i] = naming.Candidate{ID: e.id, Name: e.name(), Live: e.task.state().Live(), Created: e.created}
		if place := naming.Place(e.labels); place != "" {
			all[i].Place = e.namespace + "/" + place
		}
	}
	for _, i := range naming.Matching(all, name) {
		hits = append(hits, entries[i])
	}
	return hits
}

// Inspect returns what the runtime says of a container now.
func (r *Runtime) Inspect(ctx context.Context, id string) (*target.Info, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	namespace, id, err := r.locate(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.inspect(ctx, namespace, id)
}

func (r *Runtime) inspect(ctx context.Context, namespace, id string) (*target.Info, error) {
	c, err := r.record(ctx, namespace, id)
	if err != nil {
		return nil, err
	}
	t, err := r.task(ctx, c)
	if err != nil {
		return nil, err
	}
	info := r.info(ctx, entry{c, t})
	if err := c.specify(&info); err != nil {
		return nil, err
	}
	if !info.State.Live() && info.Place != "" {
		info.Awaited, err = r.podLives(ctx, c.labels[naming.LabelPodUID])
	}
	return &info, err
}

// podLives says whether a pod's sandbox has a process. Kubernetes ends that when nothing is to be
// started in the pod any more.
func (r *Runtime) podLives(ctx context.Context, uid string) (bool, error) {
	of := "labels." + strconv.Quote(naming.LabelPodUID) + "==" + strconv.Quote(uid)
	pod, err := r.entries(ctx, kubernetes, []string{of})
	return slices.ContainsFunc(pod, func(e entry) bool { return e.sandbox() && e.task.state().Live() }), err
}

// locate finds the namespace of an ID that is told without one. If several have it, that is a
// fault.Ambiguous.
func (r *Runtime) locate(ctx context.Context, full string) (namespace, id string, err error) {
	if namespace, id = splitID(full); namespace != "" {
		return namespace, id, nil
	}
	names, err := r.namespaces(ctx)
	var in []string
	for _, n := range names {
		switch _, rerr := r.record(ctx, n, id); {
		case rerr == nil:
			in = append(in, n)
		case !errors.Is(rerr, fault.NotFound):
			err = errors.Join(err, rerr)
		}
	}
	switch {
	case len(in) == 1:
		return in[0], id, nil
	case len(in) > 1:
		return "", "", fault.New(fault.Ambiguous, id, "%q is in the namespaces %s", id, strings.Join(in, ", "))
	case err != nil:
		return "", "", err
	}
	return "", "", notFound(id)
}

// record asks for one container. One that is not there, has an ID that none can have, or is
// Docker's is a fault.NotFound.
func (r *Runtime) record(ctx context.Context, namespace, id string) (c *record, err error) {
	const what = "ask for a container"
	if !naming.Plain(namespace) || !naming.Plain(id) || namespace == dockers {
		return nil, notFound(namespace + "/" + id)
	}
	answer, err := r.call(ctx, what, namespace, "containers.v1.Containers/Get", grpcwire.AppendBytes(nil, 1, id))
	if grpcwire.Is(err, grpcwire.NotFound) {
		return nil, notFound(namespace + "/" + id)
	}
	if err != nil {
		return nil, err
	}
	err = grpcwire.Fields(answer, func(f grpcwire.Field) (err error) {
		if f.Number == 1 {
			c, err = parseRecord(namespace, f.Bytes())
		}
		if err != nil {
			err = fmt.Errorf("%w: %w", errUnread, err)
		}
		return err
	})
	if err == nil && (c == nil || c.id != id) {
		err = errors.New("the answer is about another one")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return c, nil
}

// errUnread says that containerd keeps of a container what is not read.
var errUnread = errors.New("it is not read")

func notFound(id string) error { return fault.New(fault.NotFound, id, "no container %q", id) }
