package savefile

import (
	"encoding/binary"
	"slices"
)

// Block types (pcapng).
const (
	blockSection    = 0x0A0D0D0A
	blockInterface  = 1
	blockNames      = 4
	blockStatistics = 5
	blockPacket     = 6
)

// head is what a section has to say before its packets, for every file of a rotation.
type head struct {
	section    []byte
	interfaces []byte // their descriptions, in order
	names      []byte // name resolution blocks
	stats      [][]byte
}

// maxNames is how many bytes of name resolution blocks are restated.
const maxNames = 4 << 20

// note keeps a block that is not a packet.
func (w *Writer) note(kind uint32, block []byte) {
	h := &w.head
	switch kind {
	case blockSection:
		*h = head{section: slices.Clone(block)}
	case blockInterface:
		h.interfaces = append(h.interfaces, block...)
	case blockNames:
		if len(h.names)+len(block) <= maxNames {
			h.names = append(h.names, block...)
		}
	case blockStatistics:
		if len(block) >= 12 {
			h.note(binary.LittleEndian.Uint32(block[8:]), block)
			w.dropped.Store(h.dropped())
		}
	}
}

// maxInterfaces bounds the figures that are kept.
const maxInterfaces = 1 << 16

// note keeps the last figures of an interface.
func (h *head) note(id uint32, block []byte) {
	if id >= maxInterfaces {
		return
	}
	for uint32(len(h.stats)) <= id {
		h.stats = append(h.stats, nil)
	}
	h.stats[id] = append(h.stats[id][:0], block...)
}

func (h *head) bytes() []byte { return slices.Concat(h.section, h.interfaces, h.names) }

func (h *head) statistics() []byte { return slices.Concat(h.stats...) }

// dropped is how many packets the interfaces' last figures say were lost (isb_osdrop).
func (h *head) dropped() (total uint64) {
	const fixed, osDrop = 20, 7
	le := binary.LittleEndian
	for _, b := range h.stats {
		for at := fixed; at+4 <= len(b)-4; {
			code, size := le.Uint16(b[at:]), int(le.Uint16(b[at+2:]))
			if code == osDrop && size == 8 && at+12 <= len(b) {
				total += le.Uint64(b[at+4:])
			}
			if code == 0 {
				break
			}
			at += 4 + (size+3)&^3
		}
	}
	return total
}
