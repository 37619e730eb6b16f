package capture

import "io"

// PacketWriter is a writer that can be told what it gets, so that it need not look.
type PacketWriter interface {
	io.Writer
	// WritePackets writes n whole enhanced packet blocks and nothing else.
	WritePackets(p []byte, n uint64) (int, error)
}

// WritePackets writes n whole enhanced packet blocks, and tells the writer so if it can be told.
func WritePackets(w io.Writer, p []byte, n uint64) (int, error) {
	if pw, ok := w.(PacketWriter); ok {
		return pw.WritePackets(p, n)
	}
	return w.Write(p)
}
