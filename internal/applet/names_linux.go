package applet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// runHostname adds -I, and -f that does not fail without DNS, to busybox's hostname.
func runHostname(args []string) error {
	var f *pflag.FlagSet
	var full, short, addresses, own bool
	rest, err := flags("hostname", args, func(set *pflag.FlagSet) {
		f = set
		f.BoolVarP(&full, "fqdn", "f", false, "the name as the kernel has it; DNS is not asked")
		f.BoolVarP(&short, "short", "s", false, "the name up to the first dot")
		f.BoolVarP(&own, "ip-address", "i", false, "the addresses that the name has")
		f.BoolVarP(&addresses, "all-ip-addresses", "I", false, "the addresses of the interfaces")
		f.BoolP("domain", "d", false, "the domain, as busybox finds it")
		f.StringP("file", "F", "", "set the name that a file has")
	})
	if err != nil {
		return err
	}
	if len(rest) > 0 || f.Changed("domain") || f.Changed("file") {
		return throughBusybox(f, rest)
	}
	name, err := os.Hostname()
	switch {
	case err != nil:
		return err
	case addresses:
		return printAddresses()
	case own:
		return printAddressesOf(name)
	case short:
		name, _, _ = strings.Cut(name, ".")
	}
	fmt.Println(printable.Escape(name))
	return nil
}

func printAddressesOf(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	list, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(list, " "))
	return nil
}

// printAddresses prints the addresses of the interfaces, without loopback's and link-local ones
// unless there are no others.
func printAddresses() error {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	var list []string
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			list = append(list, n.IP.String())
		}
	}
	fmt.Println(strings.Join(list, " "))
	return nil
}

// lookupLimit bounds one question to the resolver.
const lookupLimit = 10 * time.Second

// runGetent is getent(1) for hosts, ahosts, passwd, group and services, from the container's files.
func runGetent(args []string) error {
	args, err := flags("getent", args, nil)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return fail(1, "takes DATABASE [KEY...]: hosts, ahosts, ahostsv4, passwd, group or services")
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	missing := false
	switch args[0] {
	case "hosts", "ahosts", "ahostsv4", "ahostsv6":
		for _, name := range args[1:] {
			missing = !getentHost(ctx, args[0], name) || missing
		}
	case "passwd", "group":
		data, err := os.ReadFile("/etc/" + args[0])
		if err != nil {
			return fail(2, "%w", err)
		}
		missing = !getentFile(string(data), args[1:])
	case "services":
		for _, name := range args[1:] {
			port, err := net.DefaultResolver.LookupPort(ctx, "tcp", strings.TrimSuffix(name, "/tcp"))
			missing = missing || err != nil
			if err == nil {
				fmt.Printf("%-21s %d/tcp\n", name, port)
			}
		}
	default:
		return fail(1, "Unknown database: %s", args[0])
	}
	if missing {
		return &exitError{code: 2}
	}
	return nil
}

func getentHost(ctx context.Context, database, name string) bool {
	if net.ParseIP(name) != nil {
		names, err := net.DefaultResolver.LookupAddr(ctx, name)
		if err != nil || len(names) == 0 {
			return false
		}
		fmt.Printf("%-15s %s\n", name, printable.Escape(strings.TrimSuffix(names[0], ".")))
		return true
	}
	network := map[string]string{"ahostsv4": "ip4", "ahostsv6": "ip6"}[database]
	if network == "" {
		network = "ip"
	}
	ips, err := net.DefaultResolver.LookupIP(ctx, network, name)
	if err != nil {
		return false
	}
	for i, ip := range ips {
		if database == "hosts" {
			fmt.Printf("%-15s %s\n", ip, name)
			continue
		}
		label := ""
		if i == 0 {
			label = name
		}
		for _, kind := range []string{"STREAM", "DGRAM", "RAW"} {
			fmt.Printf("%-15s %-6s %s\n", ip, kind, label)
			label = ""
		}
	}
	return true
}

// getentFile prints the lines of a file whose first or third field is a key.
func getentFile(data string, keys []string) bool {
	found := 0
	for line := range strings.Lines(data) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) >= 3 && (len(keys) == 0 || slices.Contains(keys, f[0]) || slices.Contains(keys, f[2])) {
			fmt.Println(printable.Escape(strings.TrimSpace(line)))
			found++
		}
	}
	return found >= len(keys)
}

// runHost is host(1): host [-t TYPE] NAME [SERVER].
func runHost(args []string) error {
	var kind string
	q := &question{port: "53", class: dns.ClassINET, limit: 5 * time.Second, tries: 2, size: 1232, on: map[string]bool{"recurse": true, "rdflag": true, "edns": true, "short": true}}
	rest, err := flags("host", args, func(f *pflag.FlagSet) {
		f.StringVarP(&kind, "type", "t", "", "type of record")
		f.StringVarP(&q.port, "port", "p", q.port, "port")
	})
	if err != nil {
		return err
	}
	if len(rest) == 0 || len(rest) > 2 {
		return fail(1, "takes NAME [SERVER]")
	}
	servers := rest[1:]
	conf := &dns.ClientConfig{Ndots: 1}
	if len(servers) == 0 {
		if servers, conf, err = resolver(); err != nil {
			return fail(1, "%w", err)
		}
	}
	kinds := []string{"A", "AAAA", "MX"}
	if kind != "" {
		kinds = []string{strings.ToUpper(kind)}
	} else if net.ParseIP(rest[0]) != nil {
		kinds = []string{"PTR"}
	}
	return q.host(rest[0], kinds, servers, conf)
}

func (q *question) host(name string, kinds, servers []string, conf *dns.ClientConfig) error {
	names := conf.NameList(name)
	if reverse, err := dns.ReverseAddr(name); err == nil {
		names = []string{reverse}
	}
	found := false
	var last *answer
	for _, full := range names {
		for _, kind := range kinds {
			if err := q.setType(kind); err != nil {
				return err
			}
			a, err := q.ask(servers, full)
			if err != nil {
				return fail(1, "%w", errors.Join(err))
			}
			last = a
			for _, rr := range a.msg.Answer {
				if kind == "A" || rr.Header().Rrtype == q.kind {
					fmt.Println(hostLine(rr))
					found = true
				}
			}
			if a.msg.Rcode == dns.RcodeNameError {
				break
			}
		}
		if found {
			return nil
		}
	}
	if last != nil && last.msg.Rcode != dns.RcodeSuccess {
		fmt.Printf("Host %s not found: %d(%s)\n", printable.Escape(name), last.msg.Rcode, dns.RcodeToString[last.msg.Rcode])
		return &exitError{code: 1}
	}
	fmt.Printf("%s has no %s record\n", printable.Escape(name), kinds[0])
	return nil
}

func hostLine(rr dns.RR) string {
	what := map[uint16]string{
		dns.TypeA: "has address", dns.TypeAAAA: "has IPv6 address", dns.TypeCNAME: "is an alias for", dns.TypeMX: "mail is handled by",
		dns.TypePTR: "domain name pointer", dns.TypeNS: "name server", dns.TypeTXT: "descriptive text",
	}[rr.Header().Rrtype]
	if what == "" {
		what = "has " + typeName(rr.Header().Rrtype) + " record"
	}
	return strings.TrimSuffix(printable.Escape(rr.Header().Name), ".") + " " + what + " " + data(rr)
}
