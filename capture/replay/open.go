package replay

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture/linktype"
	"dlx/capture/pcapng"
)

// ErrUnknown reports a file that is of no known format.
var ErrUnknown = errors.New("not a capture file: it is neither pcapng nor pcap")

// ErrEmpty reports a file without a byte.
var ErrEmpty = errors.New("the file is empty")

// magicGzip is the number that compressed files begin with (RFC 1952).
const magicGzip = 0x1f8b

// Open looks at the beginning of a file and returns a reader of its packets. A pcap file is read as
// if it were a pcapng one with a single interface.
func Open(r io.Reader) (*pcapng.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	magic, err := b.Peek(4)
	if err == nil && binary.BigEndian.Uint16(magic) == magicGzip {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("decompress the file: %w", err)
		}
		b = bufio.NewReaderSize(z, 1<<16)
		magic, err = b.Peek(4)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("decompress the file: %w", err)
		}
	}
	switch {
	case errors.Is(err, io.EOF) && len(magic) == 0:
		return nil, ErrEmpty
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case len(magic) < 4:
		return nil, ErrUnknown
	}
	switch number := binary.BigEndian.Uint32(magic); {
	case number == pcapng.SectionBlock:
		return pcapng.NewReader(b), nil
	case isPcap(number), isPcap(binary.LittleEndian.Uint32(magic)):
		old, err := pcapgo.NewReader(b)
		if err != nil {
			return nil, &pcapng.FormatError{Why: "the header of the pcap file is cut or of an unknown version"}
		}
		return pcapng.NewReader(&converter{from: old}), nil
	}
	return nil, ErrUnknown
}

func isPcap(number uint32) bool {
	return number == pcapng.PcapMicroseconds || number == pcapng.PcapNanoseconds
}

// converter turns a pcap file into pcapng, a packet at a time.
type converter struct {
	from  *pcapgo.Reader
	begun bool
	out   []byte // what is still to be read
	buf   []byte
}

func (c *converter) Read(p []byte) (int, error) {
	if len(c.out) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// next converts the file's header or its next packet.
func (c *converter) next() error {
	b := c.buf[:0]
	if !c.begun {
		c.begun = true
		b = pcapng.AppendSection(b, &pcapng.Section{})
		b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: uint16(c.from.LinkType()), SnapLen: c.from.Snaplen()})
		c.buf, c.out = b, b
		return nil
	}
	data, info, err := c.from.ReadPacketData()
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &pcapng.FormatError{Why: "it ends inside a packet"}
	case err != nil:
		return &pcapng.FormatError{Why: err.Error()}
	case len(data) > linktype.MaxPacket:
		return &pcapng.FormatError{Why: fmt.Sprintf("a packet of %d bytes", len(data))}
	}
	b = pcapng.AppendPacket(b, &pcapng.Packet{Time: uint64(info.Timestamp.UnixNano()), Length: uint32(info.Length), Data: data})
	c.buf, c.out = b, b
	return nil
}
