package capture

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"

	"dlx/capture/linktype"
	"dlx/internal/linux"
	"dlx/internal/printable"
)

// Kinds of interfaces (linux/if_arp.h).
const (
	arphrdRawIP   = 519
	arphrdTunnel  = 768
	arphrdTunnel6 = 769
	arphrdSIT     = 776
)

// linkTypes are those of the kinds of interfaces, as libpcap has them (map_arphrd_to_dlt in
// pcap-linux.c). Loopback carries Ethernet headers, tunnels IP packets as they are. Every other
// kind is captured without its own header (cooked).
var linkTypes = map[uint16]uint16{
	linktype.HardwareEthernet: linktype.Ethernet, linktype.HardwareLoopback: linktype.Ethernet,
	linktype.HardwareNone: linktype.Raw, arphrdRawIP: linktype.Raw, arphrdTunnel: linktype.Raw, arphrdTunnel6: linktype.Raw, arphrdSIT: linktype.Raw,
}

// linkTypeOf is the link type of a kind of interfaces.
func linkTypeOf(hardware uint16) uint16 {
	if t, ok := linkTypes[hardware]; ok {
		return t
	}
	return linktype.LinuxSLL2
}

// link is an interface of a namespace.
type link struct {
	index    int32
	name     string
	mac      net.HardwareAddr
	driver   string // what rtnetlink calls the kind of interface: veth, bridge, tun
	hardware uint16 // ARPHRD_ type
	up       bool
	gone     bool   // packets of it may still be in the ring
	since    uint64 // when that was told, in nanoseconds since 1970
	before   *link  // what it was before, if it had another name or kind
}

// label is the name as shown. Names may hold nearly any byte (dev_valid_name in net/core/dev.c).
func (l *link) label() string { return printable.Escape(l.name) }

// links are a namespace's interfaces. The kernel tells of changes (rtnetlink(7), RTNLGRP_LINK).
type links struct {
	socket  *nl.NetlinkSocket
	byIndex map[int32]*link
}

// listTime is how long the kernel may take to list the interfaces.
const listTime = 5 * time.Second

// openLinks subscribes to the interfaces of the calling thread's network namespace and lists them.
func openLinks() (*links, error) {
	socket, err := nl.Subscribe(syscall.NETLINK_ROUTE, syscall.RTNLGRP_LINK)
	if err != nil {
		return nil, fmt.Errorf("subscribe to interfaces: %w", err)
	}
	l := &links{socket: socket, byIndex: map[int32]*link{}}
	if err := l.list(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// list asks for all interfaces and waits for the answer.
func (l *links) list() error {
	if err := l.ask(); err != nil {
		return err
	}
	until := time.Now().Add(listTime)
	for done := false; !done; {
		ready, err := linux.Readable(l.descriptor(), max(time.Until(until), 0))
		if err == nil && !ready {
			err = os.ErrDeadlineExceeded
		}
		if err == nil {
			done, err = l.receive(nil)
		}
		if err != nil {
			return fmt.Errorf("list interfaces: %w", err)
		}
	}
	return nil
}

// updates bounds the messages taken at once: interfaces that keep changing must not stop packets.
const updates = 64

// maxGone is how many interfaces that are gone are remembered.
const maxGone = 1024

// forget drops the interfaces that are gone when there are too many.
func (l *links) forget() {
	if len(l.byIndex) > len(l.there())+maxGone {
		maps.DeleteFunc(l.byIndex, func(_ int32, k *link) bool { return k.gone })
	}
}

// update takes the messages that have come, without waiting.
// It calls changed for each interface in them.
func (l *links) update(changed func(*link)) error {
	for range updates {
		ready, err := linux.Readable(l.descriptor(), 0)
		if err == nil && ready {
			_, err = l.receive(changed)
		}
		if err != nil {
			return fmt.Errorf("follow interfaces: %w", err)
		}
		if !ready {
			break
		}
	}
	l.forget()
	return nil
}

// descriptor is the socket's, to wait for.
func (l *links) descriptor() int { return l.socket.GetFd() }

// ask asks for all interfaces; the answer comes as changes do.
func (l *links) ask() error {
	req := nl.NewNetlinkRequest(syscall.RTM_GETLINK, syscall.NLM_F_DUMP)
	req.AddData(nl.NewIfInfomsg(syscall.AF_UNSPEC))
	// The library would send it to the subscription's group as well, which takes CAP_NET_ADMIN.
	if err := linux.AskKernel(l.descriptor(), req.Serialize()); err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	return nil
}

// receive waits for the next message of the socket and calls changed for each interface in it. It
// returns whether that was the end of a list.
func (l *links) receive(changed func(*link)) (done bool, err error) {
	messages, from, err := l.socket.Receive()
	if errors.Is(err, syscall.ENOBUFS) { // more changes than there was room for: have all of them again
		return false, l.ask()
	}
	if err != nil || from.Pid != nl.PidKernel {
		return false, err
	}
	for _, m := range messages {
		switch m.Header.Type {
		case syscall.NLMSG_DONE:
			done = true
		case syscall.NLMSG_ERROR:
			if code := int32(nl.NativeEndian().Uint32(m.Data)); code != 0 {
				return done, syscall.Errno(-code)
			}
		case syscall.RTM_NEWLINK, syscall.RTM_DELLINK:
			if c := l.take(&m); c != nil && changed != nil {
				changed(c)
			}
		}
	}
	return done, nil
}

// noDriver is the library's name for an interface of no special kind.
const noDriver = "device"

// take notes what a message says of an interface.
func (l *links) take(m *syscall.NetlinkMessage) *link {
	info := nl.DeserializeIfInfomsg(m.Data)
	if info.Family != syscall.AF_UNSPEC {
		return nil // a bridge's own messages about its ports
	}
	found, err := netlink.LinkDeserialize(nil, m.Data)
	if err != nil {
		return nil
	}
	a := found.Attrs()
	n := &link{
		index: int32(a.Index), name: a.Name, mac: a.HardwareAddr, driver: found.Type(), hardware: info.Type,
		up: a.Flags&net.FlagUp != 0, gone: m.Header.Type == syscall.RTM_DELLINK,
	}
	if n.driver == noDriver {
		n.driver = ""
	}
	old := l.byIndex[n.index]
	if old != nil && !n.gone && old.same(n) {
		return nil
	}
	switch {
	case old == nil:
	case old.name == n.name && old.hardware == n.hardware:
		n.before, n.since = old.before, old.since
	default:
		old.before, n.before = nil, old
		n.since = uint64(time.Now().UnixNano())
	}
	l.byIndex[n.index] = n
	return n
}

// same says that nothing changed that a capture tells of.
func (l *link) same(o *link) bool {
	return l.name == o.name && l.hardware == o.hardware && l.up == o.up && l.gone == o.gone && slices.Equal(l.mac, o.mac)
}

// there are the interfaces that exist, in the order of their indexes.
func (l *links) there() []*link {
	var list []*link
	for _, k := range l.byIndex {
		if !k.gone {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *link) int { return int(a.index - b.index) })
	return list
}

// named finds an interface by its name.
func (l *links) named(name string) *link {
	for _, k := range l.there() {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (l *links) close() { l.socket.Close() }
