package filter_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"

	"dlx/capture/filter"
)

// TestErrors checks the place and the message of what is refused.
func TestErrors(t *testing.T) {
	for expr, want := range map[string]struct{ word, msg, hint string }{
		"tcp prot 80":               {"prot", "expected and, or, or the end", "pcap-filter(7)"},
		"tcp and":                   {"", "expected a primitive", "pcap-filter(7)"},
		"10.0.0.1":                  {"10.0.0.1", "expected a qualifier", "did you mean host 10.0.0.1?"},
		"tcp or 80":                 {"80", "expected a qualifier", "did you mean port 80?"},
		"net 10.0.0.1/8":            {"10.0.0.1/8", "bits beyond its mask", "did you mean 10.0.0.0/8?"},
		"net 2001:db8::1/32":        {"2001:db8::1/32", "bits beyond its prefix length", "did you mean 2001:db8::/32?"},
		"host 10.0.0.256":           {"10.0.0.256", "no IPv4 address", ""},
		"udp and tcp host 10.0.0.1": {"tcp host 10.0.0.1", "tcp has no host", "join them"},
		"ip and vlan 4096 or tcp":   {"4096", "at most 4095", ""},
		"mpls 1048576":              {"1048576", "at most 1048575", ""},
		"port 65536":                {"65536", "at most 65535", ""},
		"port 080":                  {"080", "0 and octal", ""},
		"port nosuch":               {"nosuch", `unknown service "nosuch"`, ""},
		"ip proto tcp":              {"tcp", "its name with a backslash", `\tcp`},
		"ip proto \\nosuch":         {`\nosuch`, `unknown IP protocol "nosuch"`, ""},
		"icmp port 80":              {"icmp port 80", "icmp has no ports", "tcp, udp and sctp"},
		"ip[0:3] = 1":               {"3", "1, 2 or 4", ""},
		"ip[0] / 0 = 1":             {"0", "division by zero", ""},
		"ip[0] << 32 = 1":           {"32", "more than 31 bits", ""},
		"ip[0]":                     {"ip[0]", "a relation", ""},
		"ip[0":                      {"", `expected "]"`, ""},
		"(tcp":                      {"", `or ")"`, ""},
		"tcp; udp":                  {";", "no such character", "single quotes"},
		"host 1:2:3":                {"1:2:3", "IPv6 or a MAC address", ""},
		"type mgt":                  {"type", "802.11", ""},
		"ether host 10.0.0.1":       {"10.0.0.1", "a MAC address", ""},
		"host 02:00:00:00:00:01":    {"host 02:00:00:00:00:01", "ether host", "ether host 02:00:00:00:00:01"},
		"tcp and udp":               {"tcp and udp", "no packet can match", "vlan"},
		"byte 0 & 1":                {"&", "expected =, < or >", "ether[0] & 1"},
		"inbound":                   {"inbound", "do not say the direction", "while capturing"},
		"ip broadcast":              {"ip broadcast", "network mask", ""},
		"mpls and arp":              {"arp", "only IPv4 and IPv6", ""},
	} {
		_, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet})
		checkError(t, expr, err)
		var e *filter.Error
		if errors.As(err, &e) && (expr[e.Pos:e.End] != want.word || !strings.Contains(e.Msg, want.msg) || !strings.Contains(e.Hint(), want.hint)) {
			t.Errorf("%q: at %q: %s (%s)", expr, expr[e.Pos:e.End], e.Msg, e.Hint())
		}
	}
}

func TestRefusedHaveAPlace(t *testing.T) {
	for _, expr := range append(readList(t, "refused.txt"), strings.Repeat("(", 300), strings.Repeat("not ", 300)+"tcp", strings.Repeat("tcp or ", 1<<14)+"udp", `\`, "tcp port \\", "host \x00", "\u202etcp") {
		if _, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet}); err == nil {
			t.Errorf("%.80q compiles", expr)
		} else {
			checkError(t, expr, err)
		}
	}
	var links []string
	for _, link := range []filter.LinkType{2, 9, 105, 65535} {
		if _, err := filter.Compile("ip", filter.Options{Link: link}); !errors.Is(err, filter.ErrLinkType) {
			t.Errorf("link type %d: %v, want ErrLinkType", link, err)
		}
		links = append(links, link.String())
	}
	if diff := cmp.Diff([]string{"link type 2", "PPP", "link type 105", "link type 65535"}, links); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestProgramTooLong: a jump may be longer than 255 instructions, a program not longer than 4,096.
func TestProgramTooLong(t *testing.T) {
	ports := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("src port %d and dst host 10.0.%d.%d", 2*i+1, i/250, i%250))
		}
		return "(" + strings.Join(list, ") or (") + ")"
	}
	p, err := filter.Compile(ports(50), filter.Options{Link: filter.Ethernet, NoOptimize: true})
	if err != nil {
		t.Fatal(err)
	}
	if problem := kernelRefuses(p.Raw()); problem != "" || len(p.Raw()) < 1000 {
		t.Errorf("%d instructions: %s", len(p.Raw()), problem)
	}
	if !slices.ContainsFunc(p.Raw(), func(i bpf.RawInstruction) bool { return i.Op == 0x05 }) {
		t.Error("a program of more than 1,000 instructions has no long jump")
	}
	for n, limit := range map[int]string{350: "4096", 900: "8192"} {
		_, err = filter.Compile(ports(n), filter.Options{Link: filter.Ethernet})
		checkError(t, ports(n), err)
		if err == nil || !strings.Contains(err.Error(), limit) {
			t.Errorf("%d ports: error %.100v, want one that names the limit %s", n, err, limit)
		}
	}
}

// names with fixed content.
type fixed struct{ filter.NoNames }

func (fixed) Hosts(name string) ([]netip.Addr, error) {
	switch name {
	case "web":
		return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("10.0.0.2")}, nil
	case "broken":
		return nil, errTimedOut
	}
	return nil, filter.ErrUnknownName
}

var errTimedOut = errors.New("timed out")

func (fixed) Ether(name string) ([6]byte, error) {
	if name == "web" {
		return [6]byte{2, 0, 0, 0, 0, 1}, nil
	}
	return [6]byte{}, filter.ErrUnknownName
}

func (fixed) Network(name string) (uint32, error) {
	if name == "ten" {
		return 10, nil
	}
	return 0, filter.ErrUnknownName
}

func (fixed) Port(name, transport string) (uint16, error) {
	switch name + "/" + transport {
	case "both/tcp", "both/udp":
		return 1000, nil
	case "one/udp":
		return 2000, nil
	}
	return 0, filter.ErrUnknownName
}

// TestNames compares expressions with names with the same ones in numbers.
func TestNames(t *testing.T) {
	for _, link := range []filter.LinkType{filter.Ethernet, filter.Raw} {
		opts := filter.Options{Link: link, Names: fixed{}}
		for named, numbers := range map[string]string{
			"host web":                   "host 10.0.0.1 or host 2001:db8::1 or host 10.0.0.2",
			"ip src web":                 "ip src 10.0.0.1 or ip src 10.0.0.2",
			"ip6 dst host web":           "ip6 dst host 2001:db8::1",
			"net ten":                    "net 10",
			"port both":                  "port 1000",
			"tcp port both":              "tcp port 1000",
			"dst port one":               "udp dst port 2000",
			"portrange one-both":         "portrange 1000-2000",
			"portrange one-3000":         "portrange 2000-3000",
			"ip proto \\icmp":            "ip proto 1",
			"ether src web":              "ether src 02:00:00:00:00:01",
			"ether proto \\arp":          "ether proto 0x806",
			"gateway web":                "ether host 02:00:00:00:00:01 and not (host 10.0.0.1 or host 10.0.0.2)",
			"iso proto \\clnp":           "iso proto 0x81",
			"host \\10.0.0.1":            "host 10.0.0.1",
			"not host web and port both": "not (host 10.0.0.1 or host 2001:db8::1 or host 10.0.0.2) and port 1000",
		} {
			want, err := filter.Compile(numbers, opts)
			if err != nil {
				continue // not for this link type
			}
			got, err := filter.Compile(named, opts)
			if err != nil {
				t.Errorf("%s: %v", link, err)
				continue
			}
			sameVerdicts(t, link, named, got.Raw(), want.Raw())
		}
		for _, expr := range []string{"host nosuch", "net nosuch", "port nosuch", "ether host nosuch", "udp port 5 or ip6 host nosuch", "tcp port one", "arp host ten", "gateway nosuch"} {
			_, err := filter.Compile(expr, opts)
			checkError(t, expr, err)
		}
		if _, err := filter.Compile("host broken", opts); !errors.Is(err, errTimedOut) {
			t.Errorf("error %v, want the look-up's", err)
		}
	}
}

func sameVerdicts(t *testing.T, link filter.LinkType, what string, got, want machine) {
	t.Helper()
	for _, f := range makeFrames(link, 1000) {
		g, _ := got.run(f, nil)
		if w, _ := want.run(f, nil); g != w {
			t.Errorf("%s %q: %d, want %d for % x", link, what, g, w, f)
			return
		}
	}
}

// TestDiffers checks what the documentation says of libpcap where this package differs.
func TestDiffers(t *testing.T) {
	libpcap := startLibpcap(t, buildLibpcap(t))
	theirs := func(expr string) machine {
		m, err := libpcap.compile("EN10MB", expr)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, expr := range []string{"ip6 protochain 6", "geneve or ip"} {
		ours, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		if kernelRefuses(theirs(expr)) == "" || kernelRefuses(ours.Raw()) != "" {
			t.Errorf("%q: the kernel takes libpcap's program, or not ours", expr)
		}
	}
	frame := make([]byte, 100)
	frame[12], frame[14] = 8, 0x45
	zero := "ip[4:4] & 0xffffffff = 0"
	ours, err := filter.Compile(zero, filter.Options{Link: filter.Ethernet})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := machine(ours.Raw()).run(frame, nil); n == 0 {
		t.Error("a word of zeros is taken for another")
	}
	if n, _ := theirs(zero).run(frame, nil); n != 0 {
		t.Error("libpcap has its optimizer mended")
	}
	for expr, accepted := range map[string]bool{"gateway localhost": false, "byte 0 & 1": true, "decnet host 64.1": true, "decnet host 10.1.2": true} {
		if (theirs(expr) != nil) != accepted {
			t.Errorf("%q: libpcap accepts it: %v", expr, !accepted)
		}
	}
}

// TestLongError shows of a long expression what is around the place.
func TestLongError(t *testing.T) {
	hosts := strings.Repeat("host 10.0.0.1 or ", 500)
	for _, expr := range []string{hosts + "foo bar or " + hosts + "tcp", strings.Repeat("(", 60_000), "host " + strings.Repeat("x", 5000)} {
		_, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet})
		var e *filter.Error
		if !errors.As(err, &e) {
			t.Fatalf("error %v", err)
		}
		line, mark, _ := strings.Cut(e.Caret(), "\n")
		if len(err.Error()) > 400 || len(line) > 120 || len(mark) > 120 || !strings.Contains(mark, "^") {
			t.Errorf("%.20s...: error of %d bytes, line of %d, mark of %d", expr, len(err.Error()), len(line), len(mark))
		}
	}
	_, err := filter.Compile(hosts+"foo bar", filter.Options{Link: filter.Ethernet})
	var e *filter.Error
	if !errors.As(err, &e) || !strings.Contains(e.Caret(), "...") || !strings.Contains(err.Error(), `at "bar"`) {
		t.Errorf("error %v", err)
	}
}
