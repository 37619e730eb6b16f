package target

import (
	"context"
	"net/netip"

	"github.com/moby/moby/client"
)

// Address is one that a container has in a network of its runtime's.
type Address struct {
	netip.Addr
	Container string // name
}

// Addresses returns those of the running containers.
func (d *Docker) Addresses(ctx context.Context) ([]Address, error) {
	ctx, cancel := d.limited(ctx)
	defer cancel()
	res, err := d.client.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return nil, d.explain(err, "list the addresses of containers")
	}
	var list []Address
	for _, c := range res.Items {
		name := infoOfSummary(&c).Name
		if c.NetworkSettings == nil {
			continue
		}
		for _, n := range c.NetworkSettings.Networks {
			for _, a := range []netip.Addr{n.IPAddress, n.GlobalIPv6Address} {
				if a.IsValid() && !a.IsUnspecified() {
					list = append(list, Address{a.Unmap(), name})
				}
			}
		}
	}
	return list, nil
}
