package cli

import (
	"context"
	"errors"
	"path"
	"strconv"
	"strings"

	"dlx/engine"
	"dlx/internal/printable"
)

// netnsPrefix begins the names of network namespaces.
const netnsPrefix = "netns://"

// completeNetns completes those that need no path.
func completeNetns(ctx context.Context, e engine.Engine, prefix string) (names []string) {
	list, _ := e.NetNamespaces(ctx) // those that can be listed
	for _, n := range list {
		if name := netnsPrefix + n.Name; strings.HasPrefix(name, prefix) && strings.HasSuffix(path.Dir(n.Path), "run/netns") {
			names = append(names, printable.Escape(name)+"\t"+printable.Escape(n.Path))
		}
	}
	return names
}

func (a *app) runPsNetns(ctx context.Context, output string) error {
	if err := a.giveUp("ps", ""); err != nil {
		return err
	}
	return a.withEngine(func(e engine.Engine) error {
		list, err := e.NetNamespaces(ctx)
		if len(list) == 0 && err != nil {
			return err
		}
		return errors.Join(a.print(output, list, func() error { return a.printNetNamespaces(list) }), err)
	})
}

func (a *app) printNetNamespaces(list []engine.NetNamespace) error {
	t := a.table("NAME", "PATH", "INODE", "CONTAINERS")
	for _, n := range list {
		users := orDash(strings.Join(n.Containers, ","))
		if n.Host {
			users = "(the host's)"
		}
		t.row([]string{n.Name, n.Path, strconv.FormatUint(n.Inode, 10), users})
	}
	return t.flush()
}
