package applet

import "github.com/vishvananda/netlink"

// ParseNetem reads what stands behind `tc qdisc add ... netem`.
func ParseNetem(words ...string) (netlink.Qdisc, error) { return (&tc{words: words}).netem() }
