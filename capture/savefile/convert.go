package savefile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"

	"dlx/capture/linktype"
	"dlx/capture/pcapng"
	"dlx/fault"
)

// converter turns blocks of pcapng into pcap (draft-ietf-opsawg-pcap): nanoseconds, one link type.
type converter struct {
	cooked     bool // every packet gets the header of LINKTYPE_LINUX_SLL2
	interfaces []uint16
	begun      bool // the file has its header
	out        []byte
}

// Sizes, in bytes.
const (
	pcapHeader   = 24
	recordHeader = 16
	macSize      = 6
	macHeader    = 14
)

var le = binary.LittleEndian

// blocks converts whole blocks; the bytes that it returns are valid until the next call.
func (c *converter) blocks(b []byte) ([]byte, error) {
	c.out = c.out[:0]
	for len(b) > 0 {
		block, err := pcapng.First(b)
		if err != nil || block == nil {
			return nil, notStream(cmp.Or(err, io.ErrUnexpectedEOF))
		}
		if err := c.block(block); err != nil {
			return nil, err
		}
		b = b[len(block):]
	}
	return c.out, nil
}

func (c *converter) block(b pcapng.Raw) error {
	switch b.Kind() {
	case pcapng.SectionBlock:
		c.interfaces = c.interfaces[:0]
	case pcapng.InterfaceBlock:
		link, err := b.LinkType()
		if err != nil {
			return notStream(err)
		}
		c.interfaces = append(c.interfaces, link)
		if first := c.interfaces[0]; !c.cooked && link != first {
			return fault.New(fault.OneLinkType, "", "pcap has one link type in a file, not both %d and %d", first, link)
		}
		c.begin()
	case pcapng.PacketBlock:
		p, err := b.Packet()
		if err == nil && uint64(p.Interface) >= uint64(len(c.interfaces)) {
			err = fmt.Errorf("a packet of interface %d, of which nothing is said", p.Interface)
		}
		if err != nil {
			return notStream(err)
		}
		c.begin()
		c.packet(&p)
	}
	return nil
}

// begin writes the file's header if it has none.
func (c *converter) begin() {
	if c.begun {
		return
	}
	c.begun = true
	link := uint32(linktype.LinuxSLL2)
	if !c.cooked {
		link = uint32(c.interfaces[0])
	}
	const version = 2 | 4<<16
	for _, v := range []uint32{pcapng.PcapNanoseconds, version, 0, 0, linktype.MaxPacket, link} {
		c.out = le.AppendUint32(c.out, v)
	}
}

// packet appends a record.
func (c *converter) packet(p *pcapng.RawPacket) {
	const second = 1e9
	var header [linktype.SLL2Size]byte
	added, data, length := 0, p.Data, p.Length
	if link := c.interfaces[p.Interface]; c.cooked && link != linktype.LinuxSLL2 {
		h, taken := cook(link, p)
		added = len(h.Append(header[:0]))
		data = data[taken:]
		length = max(length, uint32(taken)) - uint32(taken) + uint32(added)
	}
	c.out = le.AppendUint32(c.out, uint32(p.Time/second))
	c.out = le.AppendUint32(c.out, uint32(p.Time%second))
	c.out = le.AppendUint32(c.out, uint32(added+len(data)))
	c.out = le.AppendUint32(c.out, length)
	c.out = append(append(c.out, header[:added]...), data...)
}

// cook makes the header that stands for a packet's own, whose first taken bytes are in it.
func cook(link uint16, p *pcapng.RawPacket) (h linktype.SLL2, taken int) {
	be := binary.BigEndian
	h.Interface = p.Interface + 1 // its number is not known: its place among the file's is
	sent := p.Direction() == pcapng.Out
	if sent {
		h.PacketType = linktype.Outgoing
	}
	switch data := p.Data; {
	case link == linktype.Ethernet && len(data) >= macHeader:
		h.Hardware, h.AddressSize = linktype.HardwareEthernet, macSize
		copy(h.Address[:], data[macSize:2*macSize])
		if !sent {
			h.PacketType = packetType(data)
		}
		if h.Protocol = be.Uint16(data[2*macSize:]); h.Protocol < 1536 { // a length: IEEE 802.3 with LLC (linux/if_ether.h, ETH_P_802_2)
			h.Protocol = 4
		}
		return h, macHeader
	case len(data) > 0: // LINKTYPE_RAW
		h.Hardware, h.Protocol = linktype.HardwareNone, 0x0800
		if data[0]>>4 == 6 {
			h.Protocol = 0x86dd
		}
	}
	return h, 0
}

// packetType is that of a received frame: to this host, to all, or to a group. That it was to
// another host can not be seen.
func packetType(frame []byte) byte {
	switch {
	case bytes.Equal(frame[:6], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}):
		return linktype.ToBroadcast
	case frame[0]&1 != 0:
		return linktype.ToMulticast
	}
	return linktype.ToHost
}

// wholeRecords is the size of what is complete in b: the header, if b begins with it, and records.
func wholeRecords(b []byte, header bool) (done int) {
	if header {
		if len(b) < pcapHeader {
			return 0
		}
		done = pcapHeader
	}
	for len(b)-done >= recordHeader {
		size := recordHeader + int64(le.Uint32(b[done+8:]))
		if int64(len(b)-done) < size {
			break
		}
		done += int(size)
	}
	return done
}
