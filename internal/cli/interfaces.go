package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/engine"
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
	t := a.table("INTERFACE", "INDEX", "STATE", "KIND", "LINK TYPE", "MAC", "ADDRESSES")
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
		t.row([]string{
			i.Name, strconv.Itoa(i.Index), state, orDash(kind), fmt.Sprint(filter.LinkType(i.LinkType)), orDash(i.MAC.String()),
			orDash(strings.Join(addresses, ", ")),
		})
	}
	return t.flush()
}
