package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/engine"
	"dlx/internal/printable"
)

func (a *app) runInterfaces(ctx context.Context, target, output string) error {
	if done, err := a.asRoot(ctx, []string{target}); done || err != nil {
		return err
	}
	return a.withEngine(func(e engine.Engine) error {
		list, err := e.Interfaces(ctx, target)
		if err != nil {
			return err
		}
		return a.print(output, list, func() error { return a.printInterfaces(list) })
	})
}

func (a *app) printInterfaces(list []capture.Interface) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, "INTERFACE\tINDEX\tSTATE\tKIND\tLINK TYPE\tMAC\tADDRESSES")
	for _, i := range list {
		state := "down"
		if i.Up {
			state = "up"
		}
		kind := i.Driver
		if i.Loopback {
			kind = "loopback"
		}
		var addresses []string
		for _, p := range i.Addresses {
			addresses = append(addresses, p.String())
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", printable.Escape(i.Name), i.Index, state, orDash(printable.Escape(kind)),
			filter.LinkType(i.LinkType), orDash(i.MAC.String()), orDash(strings.Join(addresses, ", ")))
	}
	return w.Flush()
}

// orDash stands in for what is empty.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
