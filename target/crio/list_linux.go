package crio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// maxContainers is the most that are listed.
const maxContainers = 1 << 16

// errUnread says that CRI-O keeps of a container what is not read.
var errUnread = errors.New("it is not read")

// List returns containers by name. The numbers of their processes come from one look at /proc: a
// list has none. What has other characters than names have is escaped, and can not be asked for.
func (r *Runtime) List(ctx context.Context, f target.Filter) ([]target.Info, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	pids := make(chan map[string]int, 1)
	go func() {
		defer close(pids)
		if f.PIDs {
			pids <- target.PIDs()
		}
	}()
	all, err := r.containers(ctx)
	first := <-pids
	var list []target.Info
	for _, c := range all {
		if !c.passes(f) {
			continue
		}
		info := c.info()
		if c.state.Live() {
			info.PID = first[c.id]
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b target.Info) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return list, err
}

// containers returns all that there are. Those that can be read come beside an errUnread of the
// first that can not.
func (r *Runtime) containers(ctx context.Context) (all []container, err error) {
	const what = "list containers"
	answer, err := r.call(ctx, what, "ListContainers", nil)
	if err != nil {
		return nil, err
	}
	var unread error
	err = grpcwire.Fields(answer, func(f grpcwire.Field) error {
		if f.Number != 1 {
			return nil
		}
		if len(all) == maxContainers {
			return fmt.Errorf("more than %d", maxContainers)
		}
		c, err := parseContainer(f.Bytes())
		if err != nil {
			unread = cmp.Or(unread, fmt.Errorf("%s: container %.80q: %w: %w", what, c.id, errUnread, err))
			return nil
		}
		all = append(all, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, unread
}
