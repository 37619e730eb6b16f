package savefile

import (
	"encoding/binary"
	"errors"
)

// pieces is what is known of a capture that comes in pieces, such as another process writes it.
type pieces struct {
	rest    []byte   // the beginning of a block that has not come to its end
	dropped []uint64 // by interface of the section, as of its last figures
}

// errNoStream reports bytes that are no blocks of pcapng.
var errNoStream = errors.New("not the stream of a capture")

// Write takes the next bytes of the stream. Whole blocks go to the file at once, whatever is left waits for its end. It is not
// called before the end of a block if Blocks is called as well.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	s := &w.pieces
	b := p
	if len(s.rest) > 0 {
		s.rest = append(s.rest, p...)
		b = s.rest
	}
	size, packets, dropped, err := s.whole(b)
	if err != nil {
		w.err = err
		return 0, err
	}
	if err := w.Blocks(b[:size], packets, dropped); err != nil {
		return 0, err
	}
	s.rest = append(s.rest[:0], b[size:]...)
	return len(p), nil
}

// whole is the size of the whole blocks at the beginning of b, how many of them are packets, and how many packets more they
// say are lost than those before.
func (s *pieces) whole(b []byte) (done int, packets, dropped uint64, err error) {
	for len(b)-done >= blockHead {
		kind, size := binary.LittleEndian.Uint32(b[done:]), int64(binary.LittleEndian.Uint32(b[done+4:]))
		if size < blockHead+4 || size > maxBlock || size%4 != 0 || kind == blockPacket && size < minPacket {
			return 0, 0, 0, errNoStream
		}
		if int64(len(b)-done) < size {
			break
		}
		block := b[done : done+int(size)]
		switch kind {
		case blockPacket:
			packets++
		case blockSection:
			s.dropped = s.dropped[:0]
		case blockInterface:
			if len(s.dropped) < maxInterfaces {
				s.dropped = append(s.dropped, 0)
			}
		case blockStatistics:
			dropped += s.lost(block)
		}
		done += int(size)
	}
	return done, packets, dropped, nil
}

// lost is how many packets more are lost than an interface's figures said before.
func (s *pieces) lost(block []byte) uint64 {
	if len(block) < blockHead+4 {
		return 0
	}
	id := binary.LittleEndian.Uint32(block[blockHead:])
	_, total := figures(block, 0)
	if uint64(id) >= uint64(len(s.dropped)) || total <= s.dropped[id] {
		return 0
	}
	more := total - s.dropped[id]
	s.dropped[id] = total
	return more
}
