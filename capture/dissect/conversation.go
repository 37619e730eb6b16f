package dissect

import (
	"bytes"

	"github.com/gopacket/gopacket/layers"
)

// conversation is what the sequence numbers of one direction of a TCP connection are told from.
type conversation struct{ seq, ack uint32 }

// conversations are the connections that were seen, by their ends in one order for both directions.
type conversations struct{ young, old map[connection]conversation }

type connection struct {
	low, high         [16]byte
	lowPort, highPort uint16
}

// maxConversations is how many connections of one age are kept. Then the old ones are forgotten.
const maxConversations = 1 << 15

// find returns what a segment's numbers are told from. The first segment of a connection, and one
// that begins it, are told as they are: zero.
func (c *conversations) find(e *ends, h *layers.TCP) conversation {
	var k connection
	reverse := h.SrcPort > h.DstPort || h.SrcPort == h.DstPort && bytes.Compare(e.src, e.dst) > 0
	low, high := e.src, e.dst
	k.lowPort, k.highPort = uint16(h.SrcPort), uint16(h.DstPort)
	if reverse {
		low, high = high, low
		k.lowPort, k.highPort = k.highPort, k.lowPort
	}
	copy(k.low[:], low)
	copy(k.high[:], high)
	origin, ok := c.young[k]
	if !ok {
		if origin, ok = c.old[k]; ok {
			c.put(k, origin)
		}
	}
	if !ok || h.SYN {
		origin = conversation{h.Seq, h.Ack - 1}
		if reverse {
			origin = conversation{origin.ack, origin.seq}
		}
		c.put(k, origin)
		return conversation{}
	}
	if reverse {
		return conversation{origin.ack, origin.seq}
	}
	return origin
}

func (c *conversations) put(k connection, v conversation) {
	if len(c.young) >= maxConversations {
		c.young, c.old = nil, c.young
	}
	if c.young == nil {
		c.young = map[connection]conversation{}
	}
	c.young[k] = v
}
