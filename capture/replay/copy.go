package replay

import (
	"errors"
	"io"

	"dlx/capture/pcapng"
)

// Copy writes the packets of a file that keep chooses to w as pcapng, at most limit if that is not
// 0. It returns how many there were. Blocks in the byte order and resolution of dlx stay as they
// are. Others are written anew, without what dlx does not know.
func Copy(w io.Writer, r *pcapng.Reader, keep func(*pcapng.Packet, pcapng.Interface) bool, limit uint64) (written uint64, err error) {
	var buf []byte
	for limit == 0 || written < limit {
		b, err := r.NextBlock()
		if errors.Is(err, io.EOF) {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		if b.IsPacket && !keep(&b.Packet, r.Interface(&b.Packet)) {
			continue
		}
		out := b.Bytes
		if !r.Plain(&b) {
			out = again(buf[:0], r, &b)
			buf = out
		}
		if _, err := w.Write(out); err != nil {
			return written, err
		}
		if b.IsPacket {
			written++
		}
	}
	return written, nil
}

// again is a block in the form that dlx writes; one of an unknown kind is left out.
func again(out []byte, r *pcapng.Reader, b *pcapng.Block) []byte {
	switch {
	case b.IsPacket:
		return pcapng.AppendPacket(out, &b.Packet)
	case b.Kind == pcapng.SectionBlock:
		s := r.Section()
		return pcapng.AppendSection(out, &s)
	case b.Kind == pcapng.InterfaceBlock:
		i := r.LastInterface()
		return pcapng.AppendInterface(out, &i)
	}
	return out
}
