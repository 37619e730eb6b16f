package applet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"dlx/internal/printable"
)

// The columns of ss. An address and its port are one column to the eye, and two for lining up.
const (
	colNetid = iota
	colState
	colRecvQ
	colSendQ
	colLocal
	colLocalPort
	colPeer
	colPeerPort
	colRest
	colCount
)

var ssHeader = [colCount]string{"Netid", "State", "Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port", "Process"}

// print lists sockets in ss's columns. Netid is left out with one kind, and State with one state.
func (s *ss) print(socks []sock) {
	var rows [][colCount]string
	if !s.noHeader {
		rows = append(rows, ssHeader)
	}
	for _, k := range socks {
		rows = append(rows, s.row(&k))
	}
	var width [colCount]int
	for _, r := range rows {
		for i, cell := range r[:colRest] {
			width[i] = max(width[i], len(cell))
		}
	}
	kinds := 0
	for _, kind := range []bool{s.tcp, s.udp, s.raw, s.unix} {
		if kind {
			kinds++
		}
	}
	hidden := [colCount]bool{colNetid: kinds == 1 && !s.unix, colState: s.states.single()}
	for _, r := range rows {
		var b strings.Builder
		for i, cell := range r[:colRest] {
			switch {
			case hidden[i]:
			case i == colLocal || i == colPeer:
				fmt.Fprintf(&b, "%*s", width[i], cell)
			default:
				fmt.Fprintf(&b, "%-*s ", width[i], cell)
			}
		}
		fmt.Println(strings.TrimRight(b.String()+r[colRest], " "))
	}
}

func (s *ss) row(k *sock) (r [colCount]string) {
	r[colNetid], r[colState] = k.netid, k.state.String()
	r[colRecvQ], r[colSendQ] = strconv.FormatUint(uint64(k.recvq), 10), strconv.FormatUint(uint64(k.sendq), 10)
	if strings.HasPrefix(k.netid, "u_") {
		r[colLocal], r[colLocalPort] = "* ", strconv.FormatUint(k.inode, 10)
		if k.path != "" {
			r[colLocal] = printable.Escape(k.path) + " "
		}
		r[colPeer], r[colPeerPort] = "* ", "0"
	} else {
		r[colLocal], r[colLocalPort] = k.address(k.local, true)
		r[colPeer], r[colPeerPort] = k.address(k.peer, false)
	}
	r[colRest] = s.details(k)
	return r
}

// address is 127.0.0.1: and 80; [::1]:, 0.0.0.0:, and *: for both families.
func (k *sock) address(a netip.AddrPort, local bool) (host, port string) {
	host, port = a.Addr().String(), strconv.Itoa(int(a.Port()))
	switch {
	case k.v6 && a.Addr().IsUnspecified() && k.dual:
		host = "*"
	case k.v6 && a.Addr().Is4In6():
		host = "[::ffff:" + a.Addr().Unmap().String() + "]"
	case k.v6:
		host = "[" + host + "]"
	}
	if local && k.iface != 0 {
		host += "%" + interfaceName(k.iface)
	}
	if a.Port() == 0 {
		port = "*"
	}
	return host + ":", port
}

// details are what stands after the addresses. Memory and TCP's figures have a line of their own.
func (s *ss) details(k *sock) string {
	var parts []string
	if list := s.holders[k.inode]; len(list) > 0 && k.inode != 0 {
		parts = append(parts, "users:("+join(list)+")")
	}
	if s.options && k.timer != 0 {
		parts = append(parts, k.timerText())
	}
	if s.extended {
		if k.uid != 0 {
			parts = append(parts, fmt.Sprintf("uid:%d", k.uid))
		}
		parts = append(parts, fmt.Sprintf("ino:%d sk:%x", k.inode, k.cookie))
		if k.v6 && !k.dual {
			parts = append(parts, "v6only:1")
		}
		if k.netid == "tcp" || k.shutdown != 0 {
			parts = append(parts, []string{"<->", "-->", "<--", "---"}[k.shutdown&3])
		}
	}
	var more []string
	if s.memory && len(k.memory) >= 36 {
		more = append(more, k.memoryText())
	}
	if s.info && len(k.info) > 0 {
		more = append(more, k.infoText())
	}
	text := strings.Join(parts, " ")
	switch {
	case len(more) == 0:
		return text
	case s.oneLine:
		return text + " " + strings.Join(more, " ")
	}
	return text + "\n\t " + strings.Join(more, " ")
}

func join(list []socketHolder) string {
	parts := make([]string, len(list))
	for i, h := range list {
		parts[i] = h.String()
	}
	return strings.Join(parts, ",")
}

func (k *sock) timerText() string {
	names := []string{"off", "on", "keepalive", "timewait", "persist"}
	left := fmt.Sprintf("%dms", k.expires)
	switch total := k.expires / 1000; {
	case total >= 60 && total%60 > 0:
		left = fmt.Sprintf("%dmin%dsec", total/60, total%60)
	case total >= 60:
		left = fmt.Sprintf("%dmin", total/60)
	case total > 9:
		left = fmt.Sprintf("%dsec", total)
	case total > 0:
		left = fmt.Sprintf("%.3fs", float64(k.expires)/1000)
		left = strings.Replace(left, ".000s", "sec", 1)
	}
	return fmt.Sprintf("timer:(%s,%s,%d)", names[min(int(k.timer), len(names)-1)], left, k.retrans)
}

// memoryText prints the values of SK_MEMINFO (linux/sock_diag.h).
func (k *sock) memoryText() string {
	m := func(i int) uint32 { return binary.NativeEndian.Uint32(k.memory[4*i:]) }
	return fmt.Sprintf("skmem:(r%d,rb%d,t%d,tb%d,f%d,w%d,o%d,bl%d,d%d)", m(0), m(1), m(2), m(3), m(4), m(5), m(6), m(7), m(8))
}
