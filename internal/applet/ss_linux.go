package applet

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

// ss is one run of the applet: ss(8)'s everyday flags and filters.
type ss struct {
	tcp, udp, raw, unix                          bool
	listening, all, process, v4, v6              bool
	noHeader, summary, options, extended, memory bool
	info, oneLine                                bool
	family, query                                string
	states                                       stateSet
	match                                        func(*sock) bool
	holders                                      map[uint64][]socketHolder
}

func runSs(args []string) error {
	s := &ss{}
	rest, err := flags("ss", args, s.define)
	if err != nil {
		return err
	}
	if err := s.choose(); err != nil {
		return err
	}
	if s.match, err = s.filter(rest); err != nil {
		return fail(exitUsage, "%w", err)
	}
	if s.process {
		s.holders = socketHolders()
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

func (s *ss) define(f *pflag.FlagSet) {
	f.BoolVarP(&s.tcp, "tcp", "t", false, "TCP sockets")
	f.BoolVarP(&s.udp, "udp", "u", false, "UDP sockets")
	f.BoolVarP(&s.raw, "raw", "w", false, "raw sockets")
	f.BoolVarP(&s.unix, "unix", "x", false, "unix sockets")
	f.BoolVarP(&s.listening, "listening", "l", false, "those that listen")
	f.BoolVarP(&s.all, "all", "a", false, "those that listen and those that do not")
	f.BoolVarP(&s.process, "processes", "p", false, "the processes that use them")
	f.BoolP("numeric", "n", true, "makes no difference: hosts and ports are always numbers")
	f.BoolVarP(&s.options, "options", "o", false, "timers")
	f.BoolVarP(&s.extended, "extended", "e", false, "user, inode and cookie")
	f.BoolVarP(&s.memory, "memory", "m", false, "memory")
	f.BoolVarP(&s.info, "info", "i", false, "what TCP knows of the connection")
	f.BoolVarP(&s.oneLine, "oneline", "O", false, "all of a socket in one line")
	f.BoolVarP(&s.v4, "ipv4", "4", false, "IPv4")
	f.BoolVarP(&s.v6, "ipv6", "6", false, "IPv6")
	f.StringVarP(&s.family, "family", "f", "", "inet, inet6 or unix")
	f.StringVarP(&s.query, "query", "A", "", "kinds of socket, such as tcp,udp")
	f.BoolVarP(&s.noHeader, "no-header", "H", false, "no header")
	f.BoolVarP(&s.summary, "summary", "s", false, "numbers of sockets by kind")
}

// choose settles which tables and which states are listed.
func (s *ss) choose() error {
	switch s.family {
	case "":
	case "inet":
		s.v4 = true
	case "inet6":
		s.v6 = true
	case "unix":
		s.unix = true
	default:
		return fail(exitUsage, "%s is not a family: inet, inet6 or unix", s.family)
	}
	for kind := range strings.SplitSeq(s.query, ",") {
		switch kind {
		case "":
		case "tcp":
			s.tcp = true
		case "udp":
			s.udp = true
		case "raw":
			s.raw = true
		case "inet":
			s.tcp, s.udp, s.raw = true, true, true
		case "unix", "unix_stream", "unix_dgram", "unix_seqpacket":
			s.unix = true
		case "all":
			s.tcp, s.udp, s.raw, s.unix = true, true, true, true
		default:
			return fail(exitUsage, "%s is not a kind of socket: tcp, udp, raw, inet, unix or all", kind)
		}
	}
	if !s.tcp && !s.udp && !s.raw && !s.unix {
		s.tcp, s.udp, s.raw, s.unix = true, true, true, !s.v4 && !s.v6
	}
	switch {
	case s.all, s.summary:
		s.states = allStates
	case s.listening:
		s.states = statesOf(stateListen, stateClose)
	default:
		s.states = allStates &^ statesOf(stateListen, stateClose, stateTimeWait, stateSynRecv)
	}
	return nil
}

func (s *ss) collect() ([]sock, error) {
	var socks []sock
	if s.unix {
		list, err := readUnix()
		if err != nil {
			return nil, err
		}
		socks = list
	}
	for _, t := range sockTables {
		wanted := map[string]bool{"tcp": s.tcp, "udp": s.udp, "raw": s.raw}[t.netid]
		v6 := t.family == syscall.AF_INET6
		if !wanted || v6 && s.v4 && !s.v6 || !v6 && s.v6 && !s.v4 {
			continue
		}
		list, err := t.read()
		if err != nil {
			return nil, err
		}
		socks = append(socks, list...)
	}
	return slices.DeleteFunc(socks, func(k sock) bool { return !s.states.has(k.state) || !s.match(&k) }), nil
}

// printSummary is ss -s; what counts as IP and IPv6 is the socket's family, as there.
func printSummary(socks []sock) {
	count, v6, state := map[string]int{}, map[string]int{}, map[tcpState]int{}
	for _, k := range socks {
		if k.state == stateTimeWait {
			state[k.state]++
			continue
		}
		count[k.netid]++
		if k.v6 {
			v6[k.netid]++
		}
		if k.netid == "tcp" {
			state[k.state]++
		}
	}
	total := 0
	for _, n := range count {
		total += n
	}
	closed := state[stateTimeWait] + state[stateClose]
	fmt.Printf("Total: %d\n", total)
	fmt.Printf("TCP:   %d (estab %d, closed %d, orphaned 0, timewait %d)\n\n",
		count["tcp"]+state[stateTimeWait], state[stateEstablished], closed, state[stateTimeWait])
	fmt.Println("Transport Total     IP        IPv6")
	inet, inet6 := 0, 0
	for _, kind := range []string{"raw", "udp", "tcp"} {
		inet, inet6 = inet+count[kind], inet6+v6[kind]
		fmt.Printf("%-9s %-9d %-9d %-9d\n", strings.ToUpper(kind), count[kind], count[kind]-v6[kind], v6[kind])
	}
	fmt.Printf("%-9s %-9d %-9d %-9d\n", "INET", inet, inet-inet6, inet6)
}

// interfaceName is the name of an interface, or its number.
func interfaceName(index uint32) string {
	i, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return fmt.Sprintf("if%d", index)
	}
	return i.Name
}
