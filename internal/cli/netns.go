package cli

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"text/tabwriter"

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
	w := tabwriter.NewWriter(a.stdout, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tPATH\tINODE\tCONTAINERS")
	for _, n := range list {
		users := strings.Join(n.Containers, ",")
		switch {
		case n.Host:
			users = "(the host's)"
		case users == "":
			users = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", printable.Escape(n.Name), printable.Escape(n.Path), n.Inode, printable.Escape(users))
	}
	return w.Flush()
}
