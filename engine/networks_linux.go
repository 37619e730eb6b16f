package engine

import (
	"context"
	"errors"

	"dlx/fault"
	"dlx/nsutil"
	"dlx/target"
)

// NetNamespaces returns the named network namespaces of the host, and which containers are in them,
// as far as their runtimes answer.
func (l *Local) NetNamespaces(ctx context.Context) (list []NetNamespace, err error) {
	defer func() { err = fault.In("list", "", err) }()
	found, err := target.NetNSes(ctx, target.NetNSDirs)
	if err != nil {
		return nil, err
	}
	own, err := nsutil.Own()
	if err != nil {
		return nil, err
	}
	infos, err := l.targets.List(ctx, target.Filter{PIDs: true})
	if errors.Is(err, fault.NoRuntime) {
		err = nil
	}
	in := map[nsutil.ID][]string{}
	for _, c := range infos {
		if id, ok := networkOf(c.PID); ok {
			in[id] = append(in[id], c.Name)
		}
	}
	for _, n := range found {
		list = append(list, NetNamespace{Name: n.Name, Path: n.Path, Inode: n.ID.Ino, Host: n.ID == own[nsutil.Net], Containers: in[n.ID]})
	}
	return list, err
}

// networkOf is a process's network namespace.
func networkOf(pid int) (id nsutil.ID, ok bool) {
	p, err := nsutil.Open(pid)
	if err != nil {
		return id, false // it has none, or has ended
	}
	id = p.Namespaces()[nsutil.Net]
	return id, p.Close() == nil
}
