package savefile

import (
	"cmp"
	"slices"
	"time"

	"dlx/capture/pcapng"
)

// head is what each file of a rotation says before its packets: the section and its interfaces. It
// is also what a file says of its interfaces after them.
type head struct {
	section    []byte
	interfaces []byte // their descriptions, in order
	names      []byte // name resolution blocks
	stats      []pcapng.Statistics
}

// maxNames is how many bytes of name resolution blocks are restated.
const maxNames = 4 << 20

// note keeps a block that is not a packet.
func (w *Writer) note(block pcapng.Raw) {
	h := &w.head
	switch block.Kind() {
	case pcapng.SectionBlock:
		*h = head{section: slices.Clone([]byte(block))}
	case pcapng.InterfaceBlock:
		h.interfaces = append(h.interfaces, block...)
		if len(h.stats) < maxInterfaces {
			h.stats = append(h.stats, pcapng.Statistics{Interface: uint32(len(h.stats)), Start: uint64(w.now().UnixNano())})
		}
	case pcapng.NamesBlock:
		if len(h.names)+len(block) <= maxNames {
			h.names = append(h.names, block...)
		}
	case pcapng.StatisticsBlock:
		s, err := block.Statistics()
		if i := h.of(s.Interface); err == nil && i != nil {
			i.Start, i.Dropped = cmp.Or(s.Start, i.Start), s.Dropped
		}
	}
}

// maxInterfaces bounds the figures that are kept.
const maxInterfaces = 1 << 16

// of returns the figures of an interface, nil if there are none.
func (h *head) of(id uint32) *pcapng.Statistics {
	if uint64(id) >= uint64(len(h.stats)) {
		return nil
	}
	return &h.stats[id]
}

// count counts a packet of an interface.
func (h *head) count(id uint32) {
	if i := h.of(id); i != nil {
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
