package captures

import (
	"errors"
	"hash"
	"io"

	"dlx/capture/pcapng"
)

// scanned is what a file has in whole blocks.
type scanned struct {
	size             int64
	packets, dropped uint64
}

// Sizes of what is read at once, and of the largest block that a capture writes, in bytes.
const (
	scanStep  = 1 << 20
	scanBlock = 8 << 20
)

// scan reads whole blocks until there are none any more, and writes them to a hash.
func scan(r io.Reader, sum hash.Hash) (s scanned, err error) {
	buf := make([]byte, 0, scanStep)
	for {
		if len(buf) == cap(buf) { // a block that is larger
			if len(buf) >= scanBlock {
				return s, nil
			}
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		done, whole := s.blocks(buf)
		sum.Write(buf[:done])
		s.size += int64(done)
		buf = buf[:copy(buf, buf[done:])]
		switch {
		case errors.Is(err, io.EOF), err == nil && !whole:
			return s, nil
		case err != nil:
			return s, err
		}
	}
}

// blocks counts the whole blocks that b begins with. It is false if none can follow them.
func (s *scanned) blocks(b []byte) (done int, more bool) {
	for {
		block, err := pcapng.First(b[done:])
		if err != nil {
			return done, false
		}
		if block == nil {
			return done, true
		}
		if p, err := block.Packet(); err == nil {
			s.packets++
			s.dropped += p.Dropped()
		}
		done += len(block)
	}
}
