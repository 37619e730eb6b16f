package applet

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// runNetstat is net-tools' netstat(8) with -t -u -w -x -l -a -n -p -e -s -i. busybox has -r.
func runNetstat(args []string) error {
	var route, statistics, interfaces, extended bool
	s := &ss{}
	_, err := flags("netstat", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&s.tcp, "tcp", "t", false, "TCP sockets")
		f.BoolVarP(&s.udp, "udp", "u", false, "UDP sockets")
		f.BoolVarP(&s.raw, "raw", "w", false, "raw sockets")
		f.BoolVarP(&s.unix, "unix", "x", false, "unix sockets")
		f.BoolVarP(&s.listening, "listening", "l", false, "those that listen")
		f.BoolVarP(&s.all, "all", "a", false, "those that listen and those that do not")
		f.BoolVarP(&s.process, "program", "p", false, "the processes that use them")
		f.BoolVarP(&s.v4, "inet", "4", false, "IPv4")
		f.BoolVarP(&s.v6, "inet6", "6", false, "IPv6")
		f.BoolVarP(&extended, "extend", "e", false, "user and inode")
		f.BoolVarP(&route, "route", "r", false, "routes")
		f.BoolVarP(&statistics, "statistics", "s", false, "the kernel's counters")
		f.BoolVarP(&interfaces, "interfaces", "i", false, "interfaces and their counters")
		f.BoolP("numeric", "n", true, "makes no difference: hosts and ports are always numbers")
		f.BoolP("wide", "W", true, "makes no difference: nothing is cut")
	})
	switch {
	case err != nil:
		return err
	case route:
		return becomeBusybox("netstat", []string{"-rn"})
	case statistics:
		return errors.Join(printCounters("/proc/net/snmp"), printCounters("/proc/net/netstat"))
	case interfaces:
		return printInterfaces()
	}
	if err := s.choose(); err != nil {
		return err
	}
	s.match = func(*sock) bool { return true }
	if !s.all && !s.listening {
		s.states |= statesOf(stateTimeWait, stateSynRecv)
	}
	if s.listening && !s.all {
		s.states = statesOf(stateListen, stateClose)
	}
	if s.process {
		s.holders = socketHolders()
	}
	socks, err := s.collect()
	if err != nil {
		return err
	}
	printNetstat(s, socks, extended)
	return nil
}

// netstatStates are its words where they are not those of ss.
var netstatStates = map[string]string{
	"ESTAB": "ESTABLISHED", "SYN-SENT": "SYN_SENT", "SYN-RECV": "SYN_RECV", "FIN-WAIT-1": "FIN_WAIT1", "FIN-WAIT-2": "FIN_WAIT2",
	"TIME-WAIT": "TIME_WAIT", "CLOSE-WAIT": "CLOSE_WAIT", "LAST-ACK": "LAST_ACK", "UNCONN": "",
}

func printNetstat(s *ss, socks []sock, extended bool) {
	which := map[[2]bool]string{{true, false}: "only servers", {false, true}: "servers and established", {true, true}: "servers and established"}[[2]bool{s.listening, s.all}]
	if which == "" {
		which = "w/o servers"
	}
	header := map[bool]string{true: "PID/Program name"}[s.process]
	if s.tcp || s.udp || s.raw {
		more := map[bool]string{true: "User       Inode      "}[extended]
		fmt.Printf("Active Internet connections (%s)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       %s%s\n", which, more, header)
	}
	users := readAccounts("/etc/passwd")
	for _, kind := range []string{"tcp", "udp", "raw"} {
		for _, k := range socks {
			if k.netid != kind {
				continue
			}
			proto, state := kind, k.state.String()
			if k.v6 {
				proto += "6"
			}
			if word, ok := netstatStates[state]; ok {
				state = word
			}
			more := ""
			if extended {
				more = fmt.Sprintf("%-10s %-10d ", users.name(k.uid), k.inode)
			}
			fmt.Printf("%-5s %6d %6d %-23s %-23s %-11s %s%s\n", proto, k.recvq, sendQueue(&k), netstatAddress(&k, true), netstatAddress(&k, false), state, more, s.program(&k))
		}
	}
	if s.unix {
		printNetstatUnix(s, socks, which, header)
	}
}

// sendQueue of a listener is nothing here; ss prints the limit of its queue.
func sendQueue(k *sock) uint32 {
	if k.state == stateListen {
		return 0
	}
	return k.sendq
}

func netstatAddress(k *sock, local bool) string {
	end := k.end(local)
	port := strconv.Itoa(int(end.Port()))
	if end.Port() == 0 {
		port = "*"
	}
	return end.Addr().String() + ":" + port
}

func (s *ss) program(k *sock) string {
	switch list := s.holders[k.inode]; {
	case !s.process:
		return ""
	case len(list) == 0 || k.inode == 0:
		return "-"
	default:
		return fmt.Sprintf("%d/%s", list[0].pid, list[0].comm)
	}
}

func printNetstatUnix(s *ss, socks []sock, which, header string) {
	fmt.Printf("Active UNIX domain sockets (%s)\nProto RefCnt Flags       Type       State         I-Node   %s Path\n", which, header)
	for _, k := range socks {
		if !strings.HasPrefix(k.netid, "u_") {
			continue
		}
		flags, state := "[ ]", ""
		switch k.state {
		case stateListen:
			flags, state = "[ ACC ]", "LISTENING"
		case stateEstablished:
			state = "CONNECTED"
		}
		kind := map[string]string{"u_str": "STREAM", "u_dgr": "DGRAM", "u_seq": "SEQPACKET"}[k.netid]
		fmt.Printf("unix  %-6d %-11s %-10s %-13s %-8d %-*s %s\n", 2, flags, kind, state, k.inode, len(header), s.program(&k), printable.Escape(k.path))
	}
}

// printCounters prints a table such as /proc/net/snmp: for each protocol, names and then values.
func printCounters(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		names := strings.Fields(lines.Text())
		if !lines.Scan() {
			break
		}
		values := strings.Fields(lines.Text())
		if len(names) == 0 || len(names) != len(values) {
			continue
		}
		fmt.Println(names[0])
		for i := 1; i < len(names); i++ {
			if values[i] != "0" {
				fmt.Printf("    %s: %s\n", names[i], values[i])
			}
		}
	}
	return lines.Err()
}

// interfaceCounters are the columns of /proc/net/dev by interface, in its order (proc_net(5)).
func interfaceCounters() (names []string, counters map[string][]string, err error) {
	data, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		return nil, nil, err
	}
	counters = map[string][]string{}
	for line := range strings.Lines(string(data)) {
		name, rest, ok := strings.Cut(line, ":")
		if f := strings.Fields(rest); ok && len(f) >= 16 {
			name = strings.TrimSpace(name)
			names, counters[name] = append(names, name), f
		}
	}
	return names, counters, nil
}

func printInterfaces() error {
	names, counters, err := interfaceCounters()
	if err != nil {
		return err
	}
	slices.Sort(names)
	fmt.Println("Kernel Interface table\nIface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg")
	for _, name := range names {
		c := counters[name]
		mtu, _ := os.ReadFile("/sys/class/net/" + name + "/mtu")
		fmt.Printf("%-15s %5s %8s %6s %6s %-6s %8s %6s %6s %6s %s\n", printable.Escape(name), strings.TrimSpace(string(mtu)), c[1], c[2], c[3], c[4], c[9], c[10], c[11], c[12], interfaceFlags(name))
	}
	return nil
}
