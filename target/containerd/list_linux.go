package containerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"dlx/internal/printable"
	"dlx/target"
	"dlx/target/internal/grpcwire"
	"dlx/target/internal/naming"
)

const (
	// dockers is the namespace of Docker's containers, which Docker is asked for.
	dockers = "moby"
	// maxNamespaces is the most that are asked. containerd's users have a handful.
	maxNamespaces = 1 << 10
	// maxContainers is the most of one namespace.
	maxContainers = 1 << 16
	// maxList is the most bytes of the lists of all namespaces. A container has about 3 kB.
	maxList = 64 << 20
	// atOnce is how many questions are asked at the same time.
	atOnce = 8
)

// entry is a container and its task.
type entry struct {
	*record
	task task
}

// List returns containers by name. Those of the namespaces that answer come beside the error of
// those that do not. What has other characters than names have is escaped, and can not be asked
// for.
func (r *Runtime) List(ctx context.Context, f target.Filter) ([]target.Info, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	entries, err := r.entries(ctx, "", nil)
	entries = slices.DeleteFunc(entries, func(e entry) bool {
		return !e.passes(f) || !f.All && !e.task.state().Live()
	})
	list := make([]target.Info, len(entries))
	each(len(entries), func(i int) { list[i] = r.info(ctx, entries[i]) })
	slices.SortFunc(list, func(a, b target.Info) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return list, err
}

// info is what a list says of a container.
func (r *Runtime) info(ctx context.Context, e entry) target.Info {
	info := target.Info{
		Runtime: Scheme, ID: printable.Escape(e.fullID()), Name: printable.Escape(e.name()), Image: e.image, Labels: e.labels,
		State: e.task.state(), PID: e.task.process(), Place: e.place(),
	}
	info.Started = started(info.PID)
	if !e.task.exists() && r.unused(ctx, e.record) {
		info.State = target.Created
	}
	return info
}

// each calls f with each number below n, some at the same time.
func each(n int, f func(int)) {
	var wg sync.WaitGroup
	for first := range min(n, atOnce) {
		wg.Go(func() {
			for i := first; i < n; i += atOnce {
				f(i)
			}
		})
	}
	wg.Wait()
}

// entries returns the containers of a namespace, or of all, that one of some filters of
// containerd's lets through.
func (r *Runtime) entries(ctx context.Context, namespace string, filters []string) (all []entry, err error) {
	names := []string{namespace}
	if namespace == "" {
		if names, err = r.namespaces(ctx); len(names) == 0 {
			return nil, err
		}
	}
	room := &budget{left: maxList}
	lists := make([][]entry, len(names))
	errs := make([]error, len(names), len(names)+1)
	each(len(names), func(i int) { lists[i], errs[i] = r.entriesOf(ctx, names[i], filters, room) })
	return slices.Concat(lists...), errors.Join(append(errs, err)...)
}

// namespaces lists the names of those that can be asked, without Docker's.
func (r *Runtime) namespaces(ctx context.Context) (names []string, err error) {
	const what = "list namespaces"
	answer, err := r.call(ctx, what, "", "namespaces.v1.Namespaces/List", nil)
	if err != nil {
		return nil, err
	}
	var errs []error
	err = grpcwire.Fields(answer, func(f grpcwire.Field) error {
		if f.Number != 1 {
			return nil
		}
		name, err := nameOf(f.Bytes())
		switch {
		case err != nil:
			return err
		case !naming.Plain(name):
			errs = append(errs, fmt.Errorf("%s: %.80q is no name of one", what, name))
		case name != dockers:
			names = append(names, name)
		}
		if len(names)+len(errs) > maxNamespaces {
			return fmt.Errorf("more than %d", maxNamespaces)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return names, errors.Join(errs...)
}

// nameOf is the first field of a message.
func nameOf(message []byte) (name string, err error) {
	err = grpcwire.Fields(message, func(f grpcwire.Field) error {
		if f.Number == 1 {
			name = f.Text()
		}
		return nil
	})
	return name, err
}

// budget is what lists may use, all of them together.
type budget struct {
	mu   sync.Mutex
	left int
}

func (b *budget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left -= n
	return b.left >= 0
}

// entriesOf returns the containers of one namespace, and their tasks. Those are not asked for if a
// filter lets a single container through, which is going to be inspected.
func (r *Runtime) entriesOf(ctx context.Context, namespace string, filters []string, room *budget) ([]entry, error) {
	all, err := r.records(ctx, namespace, filters, room)
	if len(all) == 0 || len(all) == 1 && filters != nil {
		return all, err
	}
	tasks, terr := r.tasks(ctx, namespace)
	if terr != nil {
		return nil, errors.Join(err, terr)
	}
	for i := range all {
		all[i].task = tasks[all[i].id]
	}
	return all, err
}

// records returns containers without their tasks. They come as a stream, for which containerd has
// no limit. Those that can be read come beside the error of the first that can not: whoever makes
// an image has a say in what is kept of its container.
func (r *Runtime) records(ctx context.Context, namespace string, filters []string, room *budget) (all []entry, err error) {
	what := "list the containers of namespace " + namespace
	var message []byte
	for _, f := range filters {
		message = grpcwire.AppendBytes(message, 1, f)
	}
	stream, err := r.client.Stream(ctx, request(namespace, "containers.v1.Containers/ListStream", message))
	if err != nil {
		return nil, r.client.Explain(err, what)
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	var unread error
	for {
		message, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return all, unread
		}
		if err != nil {
			return nil, r.client.Explain(err, what)
		}
		if !room.take(len(message)) {
			return nil, fmt.Errorf("%s: the lists have more bytes than %d", what, maxList)
		}
		err = grpcwire.Fields(message, func(f grpcwire.Field) error {
			if f.Number != 1 {
				return nil
			}
			if len(all) == maxContainers {
				return fmt.Errorf("more than %d", maxContainers)
			}
			c, err := parseRecord(namespace, f.Bytes())
			if err != nil {
				unread = cmp.Or(unread, fmt.Errorf("%s: container %.80q: %w", what, c.id, err))
				return nil
			}
			c.spec = nil // the largest part, which no list says anything of
			all = append(all, entry{record: c})
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
	}
}
