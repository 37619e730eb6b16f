package applet

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink/nl"

	"dlx/internal/printable"
)

// sock is a socket from sock_diag(7). Where the kernel has none,
// it is a line of /proc/net/tcp and its kin.
type sock struct {
	netid          string
	v6             bool
	state          tcpState
	recvq, sendq   uint32
	local, peer    netip.AddrPort
	path           string // of a unix socket
	iface, uid     uint32
	inode, cookie  uint64
	timer, retrans uint8
	expires        uint32 // milliseconds
	dual           bool   // IPv6, and takes IPv4 too
	info, memory   []byte
	congestion     string
	shutdown       uint8
}

// tcpState is one of include/net/tcp_states.h.
type tcpState uint8

const (
	stateEstablished tcpState = 1
	stateSynRecv     tcpState = 3
	stateTimeWait    tcpState = 6
	stateClose       tcpState = 7
	stateListen      tcpState = 10
)

var tcpStates = []string{"UNKNOWN", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING"}

func (s tcpState) String() string { return tcpStates[min(int(s), len(tcpStates)-1)] }

// sockTable is one of the kernel's tables of sockets.
type sockTable struct {
	netid  string
	family uint8
	proto  uint8
	file   string
}

var sockTables = []sockTable{
	{"raw", syscall.AF_INET, 0, "raw"}, {"raw", syscall.AF_INET6, 0, "raw6"},
	{"udp", syscall.AF_INET, syscall.IPPROTO_UDP, "udp"}, {"udp", syscall.AF_INET6, syscall.IPPROTO_UDP, "udp6"},
	{"tcp", syscall.AF_INET, syscall.IPPROTO_TCP, "tcp"}, {"tcp", syscall.AF_INET6, syscall.IPPROTO_TCP, "tcp6"},
}

// read reads the table; one that the kernel does not have is empty.
func (t sockTable) read() ([]sock, error) {
	if t.proto != 0 {
		if socks, err := t.dump(); err == nil {
			return socks, nil
		}
	}
	return t.proc()
}

// sockDiagByFamily is SOCK_DIAG_BY_FAMILY (linux/sock_diag.h).
// linux/inet_diag.h has the extensions.
const (
	sockDiagByFamily = 20
	diagMemInfo      = 7
	diagInfo         = 2
	diagCongestion   = 4
	diagShutdown     = 8
	diagV6Only       = 11
	diagHeader       = 72
)

func (t sockTable) dump() ([]sock, error) {
	ask := make([]byte, 56) // struct inet_diag_req_v2
	ask[0], ask[1] = t.family, t.proto
	ask[2] = 1<<(diagMemInfo-1) | 1<<(diagInfo-1) | 1<<(diagCongestion-1) | 1<<(diagShutdown-1)
	binary.NativeEndian.PutUint32(ask[4:], 0xffffffff)
	req := nl.NewNetlinkRequest(sockDiagByFamily, syscall.NLM_F_DUMP)
	req.AddRawData(ask)
	var socks []sock
	err := req.ExecuteIter(syscall.NETLINK_INET_DIAG, 0, func(msg []byte) bool {
		if len(msg) >= diagHeader {
			socks = append(socks, t.parse(msg))
		}
		return true
	})
	return socks, err
}

// parse reads a struct inet_diag_msg and the attributes after it.
func (t sockTable) parse(m []byte) sock {
	n := binary.NativeEndian
	end := func(at int, port []byte) netip.AddrPort {
		addr := netip.AddrFrom4([4]byte(m[at : at+4]))
		if t.family == syscall.AF_INET6 {
			addr = netip.AddrFrom16([16]byte(m[at : at+16]))
		}
		return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port))
	}
	k := sock{
		netid: t.netid, v6: t.family == syscall.AF_INET6, state: tcpState(m[1]), timer: m[2], retrans: m[3],
		local: end(8, m[4:6]), peer: end(24, m[6:8]), iface: n.Uint32(m[40:]), cookie: n.Uint64(m[44:]),
		expires: n.Uint32(m[52:]), recvq: n.Uint32(m[56:]), sendq: n.Uint32(m[60:]), uid: n.Uint32(m[64:]), inode: uint64(n.Uint32(m[68:])),
	}
	attrs, err := nl.ParseRouteAttr(m[diagHeader:])
	if err != nil {
		return k
	}
	for _, a := range attrs {
		switch a.Attr.Type {
		case diagInfo:
			k.info = slices.Clone(a.Value)
		case diagMemInfo:
			k.memory = slices.Clone(a.Value)
		case diagCongestion:
			k.congestion = nl.BytesToString(a.Value)
		case diagV6Only:
			k.dual = len(a.Value) > 0 && a.Value[0] == 0
		case diagShutdown:
			k.shutdown = a.Value[0]
		}
	}
	return k
}

// proc reads the table in proc_net_tcp(5)'s form.
func (t sockTable) proc() ([]sock, error) {
	f, err := os.Open("/proc/net/" + t.file)
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
		if err != nil {
			continue
		}
		tx, rx, _ := strings.Cut(fields[4], ":")
		timer, expires, _ := strings.Cut(fields[5], ":")
		k := sock{netid: t.netid, v6: t.family == syscall.AF_INET6, state: tcpState(state)}
		k.local, k.peer = hexAddress(fields[1]), hexAddress(fields[2])
		k.recvq, k.sendq = uint32(number(rx, 16)), uint32(number(tx, 16))
		k.timer, k.expires = uint8(number(timer, 16)), uint32(number(expires, 16))*10 // ticks are 1/100 s
		k.retrans, k.uid, k.inode = uint8(number(fields[6], 16)), uint32(number(fields[7], 10)), number(fields[9], 10)
		socks = append(socks, k)
	}
	return socks, lines.Err()
}

func number(s string, base int) uint64 {
	n, _ := strconv.ParseUint(s, base, 64)
	return n
}

// hexAddress turns 0100007F:0050 into 127.0.0.1:80: each 32-bit word is in the host's byte order,
// little-endian on all that dlx is built for.
func hexAddress(s string) netip.AddrPort {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	if !ok || err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	ip, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip, uint16(number(port, 16))) // four digits
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
		k := sock{netid: map[string]string{"0001": "u_str", "0002": "u_dgr", "0005": "u_seq"}[fields[4]], state: stateClose, inode: number(fields[6], 10)}
		switch {
		case fields[3] == "00010000": // SO_ACCEPTCON
			k.state = stateListen
		case fields[5] == "03":
			k.state = stateEstablished
		}
		if len(fields) > 7 {
			k.path = strings.Join(fields[7:], " ")
		}
		socks = append(socks, k)
	}
	return socks, nil
}

// socketHolder is a descriptor of a socket.
type socketHolder struct {
	comm    string
	pid, fd int
}

// socketHolders finds the processes that hold sockets, as far as /proc shows them, by inode.
func socketHolders() map[uint64][]socketHolder {
	holders := map[uint64][]socketHolder{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		to, err := os.Readlink(link)
		text, ok := strings.CutPrefix(to, "socket:[")
		if err != nil || !ok {
			continue
		}
		parts := strings.Split(link, "/")
		comm, _ := os.ReadFile("/proc/" + parts[2] + "/comm")
		inode := number(strings.TrimSuffix(text, "]"), 10)
		h := socketHolder{printable.Escape(strings.TrimSpace(string(comm))), int(number(parts[2], 10)), int(number(parts[4], 10))}
		holders[inode] = append(holders[inode], h)
	}
	return holders
}

func (h socketHolder) String() string { return fmt.Sprintf("(%q,pid=%d,fd=%d)", h.comm, h.pid, h.fd) }
