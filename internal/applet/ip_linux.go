package applet

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"dlx/internal/printable"
)

const ipOptionsText = `  -br, -s, -j                of addresses and links: in short, with counters, as JSON
  -o, -f inet|inet6|link, -4, -6, -0  as busybox has them, whose ip does the rest
  -color=never               makes no difference: nothing is colored
  -V                         the version
`

// ip is one run of the applet. It adds -br, -s and -j of ip(8)
// for addresses and links to busybox's.
type ip struct {
	brief, statistics, json, v4, v6 bool
}

func runIP(args []string) error {
	o := &ip{}
	rest := []string{}
	words := args
	for ; len(words) > 0 && strings.HasPrefix(words[0], "-"); words = words[1:] {
		switch word := strings.TrimLeft(words[0], "-"); word {
		case "br", "brief":
			o.brief = true
		case "s", "stats", "statistics":
			o.statistics = true
		case "j", "json":
			o.json = true
		case "color=never": // as it is always
		case "4":
			o.v4 = true
			rest = append(rest, "-f", "inet")
		case "6":
			o.v6 = true
			rest = append(rest, "-f", "inet6")
		case "o", "oneline", "0":
			rest = append(rest, words[0])
		case "f", "family":
			if len(words) < 2 {
				return fail(exitUsage, "%s takes inet, inet6 or link", words[0])
			}
			words = words[1:]
			o.v4, o.v6 = words[0] == "inet", words[0] == "inet6"
			rest = append(rest, "-f", words[0])
		case "V":
			printVersion("ip")
			return nil
		default:
			return refuse(words[0])
		}
	}
	if len(words) > 0 && (o.brief || o.statistics || o.json) {
		switch object := words[0]; {
		case isShort(object, "address"):
			return o.list(true, words[1:])
		case isShort(object, "link"):
			return o.list(false, words[1:])
		default:
			return fail(exitUsage, "-br, -s and -j are for addresses and links")
		}
	}
	err := becomeBusybox("ip", append(rest, words...))
	if errors.Is(err, errNoBusybox) {
		return fail(exitUsage, "without busybox there are ip -br, -s and -j, for addresses and links")
	}
	return err
}

// isShort: ip takes any beginning of a word for it.
func isShort(text, word string) bool { return strings.HasPrefix(word, text) }

// link is an interface in the words of iproute2's JSON.
type link struct {
	Index     int               `json:"ifindex"`
	Name      string            `json:"ifname"`
	Flags     []string          `json:"flags"`
	MTU       int               `json:"mtu"`
	State     string            `json:"operstate"`
	Kind      string            `json:"link_type"`
	MAC       string            `json:"address,omitempty"`
	Addresses []linkAddress     `json:"addr_info,omitempty"`
	Counters  *linkStatistics64 `json:"stats64,omitempty"`
	counters  []string
}

type linkAddress struct {
	Family string `json:"family"`
	Local  string `json:"local"`
	Prefix int    `json:"prefixlen"`
	Scope  string `json:"scope"`
}

type linkStatistics64 struct {
	RX map[string]json.Number `json:"rx"`
	TX map[string]json.Number `json:"tx"`
}

func (o *ip) list(addresses bool, words []string) error {
	only := ""
	for _, w := range words {
		if w != "show" && w != "list" && w != "ls" && w != "sh" && w != "s" && w != "dev" {
			only = w
		}
	}
	links, err := o.links(addresses)
	if err != nil {
		return err
	}
	if only != "" {
		links = slices.DeleteFunc(links, func(l link) bool { return l.Name != only })
		if len(links) == 0 {
			return fail(1, "Device %q does not exist.", only)
		}
	}
	if o.json {
		text, err := json.Marshal(links)
		fmt.Println(string(text))
		return err
	}
	for _, l := range links {
		if o.brief {
			l.printBrief(addresses)
		} else {
			l.print(o.statistics)
		}
	}
	return nil
}

func (o *ip) links(addresses bool) ([]link, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	_, counters, err := interfaceCounters()
	if err != nil {
		return nil, err
	}
	var links []link
	for _, i := range interfaces {
		l := link{Index: i.Index, Name: printable.Escape(i.Name), MTU: i.MTU, MAC: i.HardwareAddr.String(), Kind: "ether", counters: counters[i.Name]}
		if i.Flags&net.FlagLoopback != 0 {
			l.Kind, l.MAC = "loopback", "00:00:00:00:00:00"
		}
		l.Flags = flagNames(i.Flags)
		state, _ := os.ReadFile("/sys/class/net/" + i.Name + "/operstate")
		l.State = strings.ToUpper(strings.TrimSpace(string(state)))
		if l.State == "" {
			l.State = "UNKNOWN"
		}
		if o.statistics && len(l.counters) >= 16 {
			l.Counters = statistics(l.counters)
		}
		list, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if n, ok := a.(*net.IPNet); ok && addresses {
				l.add(n, o)
			}
		}
		links = append(links, l)
	}
	return links, nil
}

func (l *link) add(n *net.IPNet, o *ip) {
	bits, _ := n.Mask.Size()
	a := linkAddress{"inet", n.IP.String(), bits, "global"}
	if n.IP.To4() == nil {
		a.Family = "inet6"
	}
	switch {
	case n.IP.IsLoopback():
		a.Scope = "host"
	case n.IP.IsLinkLocalUnicast():
		a.Scope = "link"
	}
	if o.v4 && a.Family != "inet" || o.v6 && a.Family != "inet6" {
		return
	}
	l.Addresses = append(l.Addresses, a)
}

func statistics(c []string) *linkStatistics64 {
	n := func(i int) json.Number { return json.Number(c[i]) }
	return &linkStatistics64{
		RX: map[string]json.Number{"bytes": n(0), "packets": n(1), "errors": n(2), "dropped": n(3), "over_errors": n(4), "multicast": n(7)},
		TX: map[string]json.Number{"bytes": n(8), "packets": n(9), "errors": n(10), "dropped": n(11), "carrier_errors": n(14), "collisions": n(13)},
	}
}

func flagNames(f net.Flags) []string {
	names := []string{}
	for _, n := range []struct {
		flag net.Flags
		name string
	}{
		{net.FlagLoopback, "LOOPBACK"}, {net.FlagBroadcast, "BROADCAST"}, {net.FlagMulticast, "MULTICAST"},
		{net.FlagPointToPoint, "POINTOPOINT"}, {net.FlagUp, "UP"}, {net.FlagRunning, "LOWER_UP"},
	} {
		if f&n.flag != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// interfaceFlags are the letters of netstat -i.
func interfaceFlags(name string) (letters string) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return ""
	}
	for _, n := range []struct {
		flag   net.Flags
		letter string
	}{{net.FlagBroadcast, "B"}, {net.FlagLoopback, "L"}, {net.FlagMulticast, "M"}, {net.FlagPointToPoint, "P"}, {net.FlagRunning, "R"}, {net.FlagUp, "U"}} {
		if i.Flags&n.flag != 0 {
			letters += n.letter
		}
	}
	return letters
}

func (l *link) printBrief(addresses bool) {
	line := fmt.Sprintf("%-16s %-14s ", l.Name, l.State)
	if !addresses {
		fmt.Printf("%s%s <%s> \n", line, l.MAC, strings.Join(l.Flags, ","))
		return
	}
	for _, a := range l.Addresses {
		line += fmt.Sprintf("%s/%d ", a.Local, a.Prefix)
	}
	fmt.Println(line)
}

func (l *link) print(counters bool) {
	fmt.Printf("%d: %s: <%s> mtu %d state %s\n    link/%s %s\n", l.Index, l.Name, strings.Join(l.Flags, ","), l.MTU, l.State, l.Kind, l.MAC)
	for _, a := range l.Addresses {
		fmt.Printf("    %s %s/%d scope %s\n", a.Family, a.Local, a.Prefix, a.Scope)
	}
	if c := l.counters; counters && len(c) >= 16 {
		fmt.Printf("    RX:  %-10s %-8s %6s %7s %7s %5s\n         %-10s %-8s %6s %7s %7s %5s\n", "bytes", "packets", "errors", "dropped", "missed", "mcast", c[0], c[1], c[2], c[3], c[4], c[7])
		fmt.Printf("    TX:  %-10s %-8s %6s %7s %7s %5s\n         %-10s %-8s %6s %7s %7s %5s\n", "bytes", "packets", "errors", "dropped", "carrier", "collsns", c[8], c[9], c[10], c[11], c[14], c[13])
	}
}
