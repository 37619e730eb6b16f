package applet

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// ss is one run of the applet: ss(8)'s everyday flags, from /proc/net.
type ss struct {
	tcp, udp, unix, listening, all, process bool
	v4, v6, noHeader, summary               bool
	owners                                  map[string]string // by inode
}

// sock is a line of /proc/net/tcp and its kin.
type sock struct {
	netid, state, recvq, sendq, local, peer, inode string
}

func runSs(args []string) error {
	s := &ss{}
	rest, err := flags("ss", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&s.tcp, "tcp", "t", false, "TCP sockets")
		f.BoolVarP(&s.udp, "udp", "u", false, "UDP sockets")
		f.BoolVarP(&s.unix, "unix", "x", false, "unix sockets")
		f.BoolVarP(&s.listening, "listening", "l", false, "those that listen")
		f.BoolVarP(&s.all, "all", "a", false, "those that listen and those that do not")
		f.BoolVarP(&s.process, "processes", "p", false, "the processes that use them")
		f.BoolP("numeric", "n", true, "numbers, which they always are")
		f.BoolVarP(&s.v4, "ipv4", "4", false, "IPv4")
		f.BoolVarP(&s.v6, "ipv6", "6", false, "IPv6")
		f.BoolVarP(&s.noHeader, "no-header", "H", false, "no header")
		f.BoolVarP(&s.summary, "summary", "s", false, "numbers of sockets by kind")
	})
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fail(exitUsage, "takes no filter; use grep")
	}
	if !s.tcp && !s.udp && !s.unix {
		s.tcp, s.udp, s.unix = true, true, true
	}
	if s.process {
		s.owners = socketOwners()
	}
	socks, err := s.collect()
	if err != nil {
		return err
	}
	if s.summary {
		printSummary(socks)
		return nil
	}
	s.print(socks)
	return nil
}

func (s *ss) collect() ([]sock, error) {
	var socks []sock
	for _, table := range []struct {
		want  bool
		netid string
		file  string
	}{
		{s.tcp && (!s.v6 || s.v4), "tcp", "tcp"}, {s.tcp && (!s.v4 || s.v6), "tcp", "tcp6"},
		{s.udp && (!s.v6 || s.v4), "udp", "udp"}, {s.udp && (!s.v4 || s.v6), "udp", "udp6"},
	} {
		if !table.want {
			continue
		}
		list, err := readInet(table.netid, "/proc/net/"+table.file)
		if err != nil {
			return nil, err
		}
		socks = append(socks, list...)
	}
	if s.unix && !s.v4 && !s.v6 {
		list, err := readUnix()
		if err != nil {
			return nil, err
		}
		socks = append(socks, list...)
	}
	return slices.DeleteFunc(socks, func(k sock) bool {
		listens := k.state == "LISTEN" || k.state == "UNCONN"
		return !s.summary && !s.all && listens != s.listening
	}), nil
}

// tcpStates are those of include/net/tcp_states.h, by number.
var tcpStates = []string{"", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING"}

// readInet reads a table of proc_net_tcp(5)'s form; one that the kernel does not have is empty.
func readInet(netid, file string) ([]sock, error) {
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var socks []sock
	lines := bufio.NewScanner(f)
	lines.Scan() // the header
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 {
			continue
		}
		state, err := strconv.ParseUint(fields[3], 16, 8)
		if err != nil || int(state) >= len(tcpStates) {
			continue
		}
		tx, rx, _ := strings.Cut(fields[4], ":")
		socks = append(socks, sock{
			netid, tcpStates[state], decimal(rx), decimal(tx), address(fields[1]), address(fields[2]), fields[9],
		})
	}
	return socks, lines.Err()
}

func decimal(hexadecimal string) string {
	n, err := strconv.ParseUint(hexadecimal, 16, 64)
	if err != nil {
		return "?"
	}
	return strconv.FormatUint(n, 10)
}

// address turns 0100007F:0050 into 127.0.0.1:80: each 32-bit word is in the host's byte order, little-endian on all
// that dlx is built for.
func address(s string) string {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	if !ok || err != nil || len(raw)%4 != 0 {
		return "?"
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	ip, ok := netip.AddrFromSlice(raw)
	if !ok {
		return "?"
	}
	p := decimal(port)
	if p == "0" {
		p = "*"
	}
	return net.JoinHostPort(ip.Unmap().String(), p)
}

// readUnix reads /proc/net/unix (proc_net_unix in proc(5)).
func readUnix() ([]sock, error) {
	data, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	var socks []sock
	for i, line := range strings.Split(string(data), "\n") {
		fields := strings.Fields(line)
		if i == 0 || len(fields) < 7 {
			continue
		}
		k := sock{netid: map[string]string{"0001": "u_str", "0002": "u_dgr", "0005": "u_seq"}[fields[4]], recvq: "0", sendq: "0", local: "*", peer: "*", inode: fields[6]}
		switch {
		case fields[3] == "00010000": // SO_ACCEPTCON
			k.state = "LISTEN"
		case fields[5] == "03":
			k.state = "ESTAB"
		default:
			k.state = "UNCONN"
		}
		if len(fields) > 7 {
			k.local = printable.Escape(strings.Join(fields[7:], " "))
		}
		socks = append(socks, k)
	}
	return socks, nil
}

// socketOwners finds the processes that hold sockets, as far as /proc shows them.
func socketOwners() map[string]string {
	owners := map[string]string{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		to, err := os.Readlink(link)
		inode, ok := strings.CutPrefix(to, "socket:[")
		if err != nil || !ok {
			continue
		}
		parts := strings.Split(link, "/")
		comm, _ := os.ReadFile("/proc/" + parts[2] + "/comm")
		owner := fmt.Sprintf("(%q,pid=%s,fd=%s)", strings.TrimSpace(string(comm)), parts[2], parts[4])
		inode = strings.TrimSuffix(inode, "]")
		if owners[inode] != "" {
			owner = owners[inode] + "," + owner
		}
		owners[inode] = owner
	}
	return owners
}

func (s *ss) print(socks []sock) {
	if !s.noHeader {
		fmt.Printf("%-5s %-10s %6s %6s %24s %24s %s\n", "Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Process")
	}
	for _, k := range socks {
		process := ""
		if owner := s.owners[k.inode]; owner != "" {
			process = " users:(" + owner + ")"
		}
		fmt.Printf("%-5s %-10s %6s %6s %24s %24s%s\n", k.netid, k.state, k.recvq, k.sendq, k.local, k.peer, process)
	}
}

func printSummary(socks []sock) {
	count := map[string]int{}
	for _, k := range socks {
		count[k.netid+" "+k.state]++
	}
	var kinds []string
	for kind := range count {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		fmt.Printf("%6d %s\n", count[kind], kind)
	}
}
