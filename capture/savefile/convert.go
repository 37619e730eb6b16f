package savefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Link types (pcap-linktype(7)) and kinds of interfaces (linux/if_arp.h).
const (
	linkEthernet = 1
	linkCooked   = 276

	arphrdEthernet = 1
	arphrdNone     = 0xfffe
)

// LinkTypeError reports interfaces that do not go into one file of the old format.
type LinkTypeError struct{ First, Other uint16 }

func (e *LinkTypeError) Error() string {
	return fmt.Sprintf("pcap has one link type in a file, not both %d and %d", e.First, e.Other)
}

// Hint says what has not.
func (*LinkTypeError) Hint() string {
	return "use --format pcapng, or capture on one interface with -i"
}

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
	cookedHeader = 20
	macHeader    = 14
	packetHeader = 28 // of an enhanced packet block, up to the data
)

var le = binary.LittleEndian

// blocks converts whole blocks; the bytes that it returns are valid until the next call.
func (c *converter) blocks(b []byte) ([]byte, error) {
	c.out = c.out[:0]
	for len(b) >= blockHead {
		size := le.Uint32(b[4:])
		if err := c.block(le.Uint32(b), b[:size]); err != nil {
			return nil, err
		}
		b = b[size:]
	}
	return c.out, nil
}

func (c *converter) block(kind uint32, b []byte) error {
	switch {
	case kind == blockSection:
		c.interfaces = c.interfaces[:0]
	case kind == blockInterface && len(b) >= 16:
		link := le.Uint16(b[8:])
		c.interfaces = append(c.interfaces, link)
		if first := c.interfaces[0]; !c.cooked && link != first {
			return &LinkTypeError{first, link}
		}
		c.begin()
	case kind == blockPacket && len(b) >= packetHeader+4:
		id, size := le.Uint32(b[8:]), le.Uint32(b[20:])
		if uint64(id) >= uint64(len(c.interfaces)) || uint64(size) > uint64(len(b)-packetHeader-4) {
			return fmt.Errorf("a packet of interface %d with %d bytes in a block of %d", id, size, len(b))
		}
		c.begin()
		c.packet(b, id, b[packetHeader:packetHeader+size])
	}
	return nil
}

// begin writes the file's header if it has none.
func (c *converter) begin() {
	if c.begun {
		return
	}
	c.begun = true
	link := uint32(linkCooked)
	if !c.cooked {
		link = uint32(c.interfaces[0])
	}
	const nanoseconds, version, snaplen = 0xa1b23c4d, 2 | 4<<16, 262144
	for _, v := range []uint32{nanoseconds, version, 0, 0, snaplen, link} {
		c.out = le.AppendUint32(c.out, v)
	}
}

// packet appends a record.
func (c *converter) packet(b []byte, id uint32, data []byte) {
	const second = 1e9
	time := uint64(le.Uint32(b[12:]))<<32 | uint64(le.Uint32(b[16:]))
	length := le.Uint32(b[24:])
	header := []byte(nil)
	if c.cooked {
		var taken int
		header, taken = cook(c.interfaces[id], id, direction(b), data)
		data = data[taken:]
		length = max(length, uint32(taken)) - uint32(taken) + uint32(len(header))
	}
	c.out = le.AppendUint32(c.out, uint32(time/second))
	c.out = le.AppendUint32(c.out, uint32(time%second))
	c.out = le.AppendUint32(c.out, uint32(len(header)+len(data)))
	c.out = le.AppendUint32(c.out, length)
	c.out = append(append(c.out, header...), data...)
}

// direction is a packet's, from its flags: 2 for one that was sent.
func direction(b []byte) uint32 {
	size := int(le.Uint32(b[20:]))
	at := packetHeader + (size+3)&^3
	const flags = 2
	if at+8 <= len(b)-4 && le.Uint16(b[at:]) == flags {
		return le.Uint32(b[at+4:]) & 3
	}
	return 0
}

// cook makes the header that stands for a packet's own one, of which it takes the first bytes.
func cook(link uint16, id uint32, direction uint32, data []byte) (header []byte, taken int) {
	if link == linkCooked {
		return nil, 0
	}
	be := binary.BigEndian
	const outgoing = 4 // PACKET_OUTGOING (linux/if_packet.h)
	h := make([]byte, cookedHeader)
	be.PutUint32(h[4:], id+1) // the interface's number is not known: its place among the file's is
	if direction == 2 {
		h[10] = outgoing
	}
	switch {
	case link == linkEthernet && len(data) >= macHeader:
		be.PutUint16(h[8:], arphrdEthernet)
		h[11] = 6
		copy(h[12:], data[6:12])
		if direction != 2 {
			h[10] = packetType(data)
		}
		proto := be.Uint16(data[12:])
		if proto < 1536 { // a length: IEEE 802.3 with LLC (linux/if_ether.h, ETH_P_802_2)
			proto = 4
		}
		be.PutUint16(h[0:], proto)
		return h, macHeader
	case len(data) > 0: // LINKTYPE_RAW
		be.PutUint16(h[8:], arphrdNone)
		proto := uint16(0x0800)
		if data[0]>>4 == 6 {
			proto = 0x86dd
		}
		be.PutUint16(h[0:], proto)
	}
	return h, 0
}

// packetType is that of a received frame: to this host, to all, or to a group. That it was to another host can not be seen.
func packetType(frame []byte) byte {
	const host, broadcast, multicast = 0, 1, 2
	switch {
	case bytes.Equal(frame[:6], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}):
		return broadcast
	case frame[0]&1 != 0:
		return multicast
	}
	return host
}

// wholeRecords is the size of the header, if the bytes begin with one, and the whole records at the beginning of b.
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
