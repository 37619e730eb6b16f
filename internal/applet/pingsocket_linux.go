package applet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// pingSocket sends echo requests and receives what concerns them.
type pingSocket struct {
	*icmp.PacketConn
	to  *net.IPAddr
	v6  bool
	raw bool
	id  int
}

// pingReply is an echo reply, or the report of a problem with a request.
type pingReply struct {
	from    string
	size    int
	seq     int
	ttl     int
	problem string
}

// open resolves the host and opens a raw socket, or an unprivileged one where allowed (icmp(7)).
func (p *ping) open() (_ *pingSocket, err error) {
	network := "ip"
	if p.v4 != p.v6 {
		network = map[bool]string{true: "ip4", false: "ip6"}[p.v4]
	}
	if p.to, err = net.ResolveIPAddr(network, p.host); err != nil {
		return nil, fmt.Errorf("%s: %w", p.host, innermost(err))
	}
	p.v6 = p.to.IP.To4() == nil
	s := &pingSocket{to: p.to, v6: p.v6, raw: true, id: os.Getpid() & 0xffff}
	rawNet, datagram, local := "ip4:icmp", "udp4", "0.0.0.0"
	if p.v6 {
		rawNet, datagram, local = "ip6:ipv6-icmp", "udp6", "::"
	}
	if net.ParseIP(p.source) != nil {
		local = p.source
	}
	if s.PacketConn, err = icmp.ListenPacket(rawNet, local); err != nil {
		s.raw = false
		var derr error
		if s.PacketConn, derr = icmp.ListenPacket(datagram, local); derr != nil {
			return nil, errors.Join(err, derr)
		}
	}
	if err := s.setUp(p); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// setUp sets the options of ip(7) and ipv6(7) that flags ask for.
func (s *pingSocket) setUp(p *ping) error {
	var errs []error
	if c := s.IPv6PacketConn(); s.v6 {
		errs = append(errs, c.SetControlMessage(ipv6.FlagHopLimit, true))
		if p.ttl > 0 {
			errs = append(errs, c.SetHopLimit(p.ttl))
		}
	} else {
		c := s.IPv4PacketConn()
		errs = append(errs, c.SetControlMessage(ipv4.FlagTTL, true))
		if p.ttl > 0 {
			errs = append(errs, c.SetTTL(p.ttl))
		}
	}
	conn, err := s.descriptor()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	cerr := conn.Control(func(fd uintptr) {
		if p.source != "" && net.ParseIP(p.source) == nil {
			errs = append(errs, syscall.BindToDevice(int(fd), p.source))
		}
		if p.discover != "" {
			errs = append(errs, setDiscovery(int(fd), s.v6, p.discover))
		}
	})
	return errors.Join(append(errs, cerr)...)
}

// descriptor is the socket below the packages that wrap it.
func (s *pingSocket) descriptor() (syscall.RawConn, error) {
	var conn any
	if s.v6 {
		conn = s.IPv6PacketConn().PacketConn
	} else {
		conn = s.IPv4PacketConn().PacketConn
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil, errors.New("the socket has no descriptor")
	}
	return c.SyscallConn()
}

// setDiscovery sets IP_MTU_DISCOVER; the values are those of IP_PMTUDISC_* in linux/in.h.
func setDiscovery(fd int, v6 bool, mode string) error {
	value := slices.Index([]string{"dont", "want", "do", "probe"}, mode)
	if value < 0 {
		return fail(exitUsage, "-M is do, want, dont or probe")
	}
	if v6 {
		return syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MTU_DISCOVER, value)
	}
	return syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_MTU_DISCOVER, value)
}

func (s *pingSocket) from() string {
	if addr, ok := s.LocalAddr().(*net.IPAddr); ok && !addr.IP.IsUnspecified() {
		return addr.String()
	}
	// The kernel chooses by its routes, and tells without sending anything.
	c, err := net.Dial("udp", net.JoinHostPort(s.to.String(), "1025"))
	if err != nil {
		return "?"
	}
	defer c.Close()
	return hostOf(c.LocalAddr().String())
}

func (s *pingSocket) send(seq, size int) error {
	var kind icmp.Type = ipv4.ICMPTypeEcho
	if s.v6 {
		kind = ipv6.ICMPTypeEchoRequest
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i)
	}
	if size >= 8 {
		binary.BigEndian.PutUint64(data, uint64(time.Now().UnixNano())) // a pattern
	}
	msg, err := (&icmp.Message{Type: kind, Body: &icmp.Echo{ID: s.id, Seq: seq & 0xffff, Data: data}}).Marshal(nil)
	if err != nil {
		return err
	}
	var to net.Addr = s.to
	if !s.raw {
		to = &net.UDPAddr{IP: s.to.IP, Zone: s.to.Zone}
	}
	_, err = s.WriteTo(msg, to)
	return err
}

// largest is more than any packet that concerns us has.
const largest = 1 << 16

// receive waits until then for the next message about a request of ours.
func (s *pingSocket) receive(until time.Time) (*pingReply, error) {
	buf := make([]byte, largest)
	if err := s.SetReadDeadline(until); err != nil {
		return nil, err
	}
	for {
		n, ttl, from, err := s.read(buf)
		if err != nil {
			return nil, err
		}
		protocol := 1 // the protocol number of ICMP
		if s.v6 {
			protocol = 58
		}
		msg, err := icmp.ParseMessage(protocol, buf[:n])
		if err != nil {
			continue
		}
		if r := s.parse(msg); r != nil {
			r.from, r.size, r.ttl = hostOf(from.String()), n, ttl
			return r, nil
		}
	}
}

func (s *pingSocket) read(buf []byte) (n, ttl int, from net.Addr, err error) {
	if s.v6 {
		n, cm, from, err := s.IPv6PacketConn().ReadFrom(buf)
		if cm != nil {
			ttl = cm.HopLimit
		}
		return n, ttl, from, err
	}
	n, cm, from, err := s.IPv4PacketConn().ReadFrom(buf)
	if cm != nil {
		ttl = cm.TTL
	}
	return n, ttl, from, err
}

// parse takes echo replies to us, and errors that quote a request of ours.
func (s *pingSocket) parse(m *icmp.Message) *pingReply {
	switch body := m.Body.(type) {
	case *icmp.Echo:
		if (m.Type == ipv4.ICMPTypeEchoReply || m.Type == ipv6.ICMPTypeEchoReply) && (!s.raw || body.ID == s.id) {
			return &pingReply{seq: body.Seq}
		}
	case *icmp.DstUnreach:
		return s.quoted(body.Data, unreachable(m))
	case *icmp.TimeExceeded:
		return s.quoted(body.Data, "Time to live exceeded")
	case *icmp.PacketTooBig:
		return s.quoted(body.Data, fmt.Sprintf("Packet too big: mtu=%d", body.MTU))
	}
	return nil
}

func unreachable(m *icmp.Message) string {
	names := []string{"Destination Net Unreachable", "Destination Host Unreachable", "Destination Protocol Unreachable", "Destination Port Unreachable", "Frag needed and DF set"}
	if m.Type == ipv6.ICMPTypeDestinationUnreachable {
		names = []string{"No route", "Administratively prohibited", "Beyond scope of source address", "Address unreachable", "Port unreachable"}
	}
	if m.Code >= 0 && m.Code < len(names) {
		return names[m.Code]
	}
	return fmt.Sprintf("Dest Unreachable, Bad Code: %d", m.Code)
}

// quoted reads the request that an error quotes: an IP header and eight bytes at least (RFC 792).
func (s *pingSocket) quoted(data []byte, problem string) *pingReply {
	header := 40
	if !s.v6 {
		if len(data) < 20 {
			return nil
		}
		header = int(data[0]&15) * 4
	}
	if len(data) < header+8 || s.raw && int(binary.BigEndian.Uint16(data[header+4:])) != s.id {
		return nil
	}
	return &pingReply{seq: int(binary.BigEndian.Uint16(data[header+6:])), problem: problem}
}
