// Package names looks up the names in capture filters on the machine that dlx runs on: in
// /etc/services, /etc/protocols, /etc/networks and /etc/ethers, and with the machine's resolver.
// Nothing of a container's is read.
package names

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dlx/capture/filter"
)

// resolveTime is how long the resolver has for one name.
const resolveTime = 5 * time.Second

// Machine looks names up for as long as its context lasts. Hosts are asked for once each. It is not
// safe for concurrent use.
type Machine struct {
	ctx     context.Context
	etc     string
	hosts   map[string][]netip.Addr
	offline bool
}

var _ filter.Names = (*Machine)(nil)

// New is the machine's names.
func New(ctx context.Context) *Machine { return in(ctx, "/etc") }

// in is the names of the files in a folder.
func in(ctx context.Context, etc string) *Machine {
	return &Machine{ctx: ctx, etc: etc, hosts: map[string][]netip.Addr{}}
}

// Offline is the same names, but of hosts only those that were looked up before. It is for code
// that runs in a network namespace of somebody else's, who would get the questions.
func (m *Machine) Offline() *Machine {
	o := *m
	o.offline = true
	return &o
}

var errOffline = errors.New("it was not looked up before the network namespace was entered")

// Hosts asks the resolver.
func (m *Machine) Hosts(name string) ([]netip.Addr, error) {
	if addrs, ok := m.hosts[name]; ok {
		return addrs, nil
	}
	if m.offline {
		return nil, fmt.Errorf("resolve %s: %w", name, errOffline)
	}
	ctx, cancel := context.WithTimeout(m.ctx, resolveTime)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil, filter.ErrUnknownName
	}
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", name, err)
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	m.hosts[name] = addrs
	return addrs, nil
}

// Port asks the resolver, which reads /etc/services and knows the most common ones by itself.
func (m *Machine) Port(name, transport string) (uint16, error) {
	port, err := net.DefaultResolver.LookupPort(m.ctx, transport, name)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return 0, filter.ErrUnknownName
	}
	if err != nil {
		return 0, fmt.Errorf("look up service %s: %w", name, err)
	}
	return uint16(port), nil
}

// Protocol reads /etc/protocols.
func (m *Machine) Protocol(name string) (uint8, error) {
	text, err := m.column("protocols", name, 0, 1)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("/etc/protocols has %q for %s: %w", text, name, err)
	}
	return uint8(n), nil
}

// Network reads /etc/networks, whose numbers have one to four parts.
func (m *Machine) Network(name string) (uint32, error) {
	text, err := m.column("networks", name, 0, 1)
	if err != nil {
		return 0, err
	}
	n := uint32(0)
	for part := range strings.SplitSeq(text, ".") {
		b, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return 0, fmt.Errorf("/etc/networks has %q for %s: %w", text, name, err)
		}
		n = n<<8 | uint32(b)
	}
	return n, nil
}

// Ether reads /etc/ethers, where the address comes first.
func (m *Machine) Ether(name string) (mac [6]byte, err error) {
	text, err := m.column("ethers", name, 1, 0)
	if err != nil {
		return mac, err
	}
	parts := strings.Split(text, ":")
	for i, part := range parts {
		b, err := strconv.ParseUint(part, 16, 8)
		if err != nil || len(parts) != len(mac) {
			return mac, fmt.Errorf("/etc/ethers has %q for %s, which is no address", text, name)
		}
		mac[i] = byte(b)
	}
	return mac, nil
}

// column finds the line of a file that has a name, in a column or as one of the aliases behind the
// second one, and returns another column of it. Comments begin with #.
func (m *Machine) column(file, name string, named, wanted int) (string, error) {
	f, err := os.Open(filepath.Join(m.etc, file))
	if errors.Is(err, fs.ErrNotExist) {
		return "", filter.ErrUnknownName
	}
	if err != nil {
		return "", fmt.Errorf("look up %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		for i, field := range fields {
			if field == name && (i == named || i > 1) {
				return fields[wanted], nil
			}
		}
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("look up %s in %s: %w", name, f.Name(), err)
	}
	return "", filter.ErrUnknownName
}
