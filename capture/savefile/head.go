package savefile

import (
	"encoding/binary"
	"slices"
	"time"

	"dlx/capture/pcapng"
)

// Block types (pcapng).
const (
	blockSection    = 0x0A0D0D0A
	blockInterface  = 1
	blockNames      = 4
	blockStatistics = 5
	blockPacket     = 6
)

// head is what a section has to say before its packets, for every file of a rotation, and what it says of its interfaces
// after them.
type head struct {
	section    []byte
	interfaces []byte // their descriptions, in order
	names      []byte // name resolution blocks
	stats      []pcapng.Statistics
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
		if len(h.stats) < maxInterfaces {
			h.stats = append(h.stats, pcapng.Statistics{Interface: uint32(len(h.stats)), Start: uint64(w.now().UnixNano())})
		}
	case blockNames:
		if len(h.names)+len(block) <= maxNames {
			h.names = append(h.names, block...)
		}
	case blockStatistics:
		if i := h.of(block); i != nil {
			i.Start, i.Dropped = figures(block, i.Start)
		}
	}
}

// maxInterfaces bounds the figures that are kept.
const maxInterfaces = 1 << 16

// of returns the figures of the interface that a packet or statistics block is about, nil if there are none.
func (h *head) of(block []byte) *pcapng.Statistics {
	if id := binary.LittleEndian.Uint32(block[8:]); len(block) >= 12 && uint64(id) < uint64(len(h.stats)) {
		return &h.stats[id]
	}
	return nil
}

// count counts a packet.
func (h *head) count(block []byte) {
	if i := h.of(block); i != nil {
		i.Delivered++
	}
}

func (h *head) bytes() []byte { return slices.Concat(h.section, h.interfaces, h.names) }

// statistics are the figures so far, as blocks.
func (h *head) statistics(at time.Time) (b []byte) {
	for _, i := range h.stats {
		i.Time = uint64(at.UnixNano())
		i.End, i.Received = i.Time, i.Delivered+i.Dropped
		b = pcapng.AppendStatistics(b, &i)
	}
	return b
}

// figures takes the beginning of the capture, if it is there, and isb_osdrop out of a statistics block.
func figures(block []byte, began uint64) (start, dropped uint64) {
	const fixed, startTime, osDrop = 20, 2, 7
	le := binary.LittleEndian
	start = began
	for at := fixed; at+4 <= len(block)-4; {
		code, size := le.Uint16(block[at:]), int(le.Uint16(block[at+2:]))
		if eight := size == 8 && at+12 <= len(block); eight && code == startTime {
			start = uint64(le.Uint32(block[at+4:]))<<32 | uint64(le.Uint32(block[at+8:]))
		} else if eight && code == osDrop {
			dropped = le.Uint64(block[at+4:])
		}
		if code == 0 {
			break
		}
		at += 4 + (size+3)&^3
	}
	return start, dropped
}
