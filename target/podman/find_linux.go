package podman

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"dlx/fault"
	"dlx/target"
)

// List returns containers by name. One question has all, paused ones too: without "all" Podman
// leaves them out. A pod's own container is listed only among all, or by its ID.
func (r *Runtime) List(ctx context.Context, f target.Filter) ([]target.Info, error) {
	all, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	var list []target.Info
	for _, c := range all {
		switch {
		case f.ID != "" && c.ID != f.ID, !f.All && !c.State.Live(), !f.All && f.ID == "" && c.infra, !f.Labelled(c.Labels):
			continue
		}
		list = append(list, c.Info)
	}
	return list, nil
}

// listed is a container and what is only said in a list.
type listed struct {
	target.Info
	pod   string // its name
	infra bool   // it is the pod's own, which holds the namespaces
}

// list returns all containers by name.
func (r *Runtime) list(ctx context.Context) (list []listed, err error) {
	err = r.ask(ctx, "list containers", api+"/containers/json?all=true", r.most, func(_ string, answer []byte) error {
		all, err := readList(answer)
		if err != nil {
			return err
		}
		for _, s := range all {
			info, err := s.info()
			if err != nil {
				return err
			}
			info.Owner = r.options.Owner
			if !r.owns(info.PID) {
				info.PID = 0
			}
			list = append(list, listed{info, s.PodName, s.IsInfra})
		}
		return nil
	})
	slices.SortFunc(list, func(a, b listed) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// Find asks for the name or ID first, and looks in the list for what has it as a prefix, or is
// called so in another way. Only a name or an ID can be part of a path of the API.
func (r *Runtime) Find(ctx context.Context, name string) ([]target.Info, error) {
	if !plain(name, maxName) {
		return nil, nil
	}
	whole, err := r.findWhole(ctx, name)
	if len(whole) > 0 || err != nil && !refused(err, http.StatusInternalServerError) {
		return whole, err
	}
	all, lerr := r.list(ctx)
	if lerr != nil {
		return nil, lerr
	}
	hits := called(all, name)
	switch {
	case len(hits) == 1:
		info, err := r.Inspect(ctx, hits[0].ID)
		if err != nil {
			return nil, err
		}
		return []target.Info{*info}, nil
	case len(hits) == 0 && refused(err, http.StatusInternalServerError):
		return nil, err
	}
	return hits, nil
}

var _ target.Wholes = (*Runtime)(nil)

// FindWhole is a call that costs the same with any number of containers.
func (r *Runtime) FindWhole(ctx context.Context, name string) ([]target.Info, error) {
	if !plain(name, maxName) {
		return nil, nil
	}
	whole, err := r.findWhole(ctx, name)
	if refused(err, http.StatusInternalServerError) {
		err = nil
	}
	return whole, err
}

// findWhole returns the container of that very name or ID. Of a beginning that several IDs have,
// Podman says that it has failed.
func (r *Runtime) findWhole(ctx context.Context, name string) ([]target.Info, error) {
	info, err := r.inspect(ctx, name)
	switch {
	case err == nil && (info.Name == name || info.ID == name):
		return []target.Info{*info}, nil
	case refused(err, http.StatusNotFound):
		err = nil
	}
	return nil, err
}

// services are the labels that Compose has a service's name in: Podman's own, and Docker's.
var services = []string{"io.podman.compose.service", "com.docker.compose.service"}

// called returns the container of that name or, if there is none, those whose name or ID begins
// with it, and those of that pod and name, POD_NAME, or service. A pod's own container has the
// pod's labels.
func called(all []listed, name string) []target.Info {
	var hits []target.Info
	for _, c := range all {
		service := !c.infra && slices.ContainsFunc(services, func(label string) bool { return c.Labels[label] == name })
		switch {
		case c.Name == name:
			return []target.Info{c.Info}
		case strings.HasPrefix(c.ID, name), strings.HasPrefix(c.Name, name), service, c.pod != "" && c.pod+"_"+c.Name == name:
			hits = append(hits, c.Info)
		}
	}
	return hits
}

// Inspect returns what Podman says of a container now.
func (r *Runtime) Inspect(ctx context.Context, id string) (*target.Info, error) {
	if !plain(id, maxName) {
		return nil, notFound(id)
	}
	info, err := r.inspect(ctx, id)
	if refused(err, http.StatusNotFound) || err == nil && info.ID != id && info.Name != id {
		return nil, notFound(id)
	}
	return info, err
}

func notFound(id string) error { return fault.New(fault.NotFound, id, "no container %q", id) }

// inspect also finds a container by a prefix of its ID that no other one has.
func (r *Runtime) inspect(ctx context.Context, name string) (info *target.Info, err error) {
	_, info, err = r.look(ctx, name)
	return info, err
}

func (r *Runtime) look(ctx context.Context, name string) (d *details, info *target.Info, err error) {
	err = r.ask(ctx, "inspect container "+name, api+"/containers/"+name+"/json", r.most, func(_ string, answer []byte) (err error) {
		if d, err = readDetails(answer); err != nil {
			return err
		}
		if info, err = d.info(); err != nil {
			return err
		}
		info.Owner = r.options.Owner
		if !r.owns(info.PID) {
			return notTheirs(info)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return d, info, nil
}

// Rootfs returns what inspect said. Of another user than root's container that is nothing: its
// merged directory is mounted in that user's mount namespace alone, and all of its directories are
// what the user says. Whoever goes there (Info.Layers) goes as that user, in that namespace.
func (r *Runtime) Rootfs(_ context.Context, c *target.Info) (target.Layers, error) {
	if r.options.Owner != 0 {
		return target.Layers{}, nil
	}
	return c.Layers, nil
}
