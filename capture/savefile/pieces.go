package savefile

import (
	"fmt"

	"dlx/capture/pcapng"
)

// pieces is what is known of a capture that comes in pieces, such as another process writes it.
type pieces struct {
	rest    []byte   // the beginning of a block that has not come to its end
	dropped []uint64 // by interface of the section, as of its last figures
}

// notStream reports bytes that are no blocks of pcapng.
func notStream(err error) error { return fmt.Errorf("not the stream of a capture: %w", err) }

// Write takes the next bytes of the stream. Whole blocks go to the file at once, whatever is left
// waits for its end. Blocks must not be called meanwhile.
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

// whole is the size of the whole blocks at the beginning of b, how many of them are packets, and
// how many packets more they say are lost than those before.
func (s *pieces) whole(b []byte) (done int, packets, dropped uint64, err error) {
	for {
		block, err := pcapng.First(b[done:])
		if err != nil {
			return 0, 0, 0, notStream(err)
		}
		if block == nil {
			return done, packets, dropped, nil
		}
		switch block.Kind() {
		case pcapng.PacketBlock:
			packets++
		case pcapng.SectionBlock:
			s.dropped = s.dropped[:0]
		case pcapng.InterfaceBlock:
			if len(s.dropped) < maxInterfaces {
				s.dropped = append(s.dropped, 0)
			}
		case pcapng.StatisticsBlock:
			dropped += s.lost(block)
		}
		done += len(block)
	}
}

// lost is how many packets more are lost than an interface's figures said before.
func (s *pieces) lost(block pcapng.Raw) uint64 {
	now, err := block.Statistics()
	if err != nil || uint64(now.Interface) >= uint64(len(s.dropped)) || now.Dropped <= s.dropped[now.Interface] {
		return 0
	}
	more := now.Dropped - s.dropped[now.Interface]
	s.dropped[now.Interface] = now.Dropped
	return more
}
