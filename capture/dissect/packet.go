package dissect

import (
	"net/netip"
	"time"
)

// Packet is what is printed.
type Packet struct {
	Time      time.Time
	Container string
	Process   string // whose packet it is
	Interface string
	Direction string // "In", "Out" or ""
	Link      uint16 // pcap-linktype(7)
	Data      []byte // what was captured
	Length    int    // bytes on the wire
}

// Names are what numbers are called. Either may be nil.
type Names struct {
	Host    func(netip.Addr) string                  // "" if it has no name
	Service func(port uint16, protocol uint8) string // "" if it has no name
}

// Clock is the way that a packet's time is printed.
type Clock int

// The clocks, as tcpdump's -t to -ttttt have them.
const (
	Local      Clock = iota // the time of day
	NoClock                 // nothing
	Unix                    // seconds since 1970
	SinceLast               // since the packet before
	Date                    // with the date in front
	SinceFirst              // since the first packet
)

// Dump says which bytes of a packet are shown below its lines.
type Dump int

// The dumps, as tcpdump's -x, -xx, -X, -XX and -A.
const (
	NoDump   Dump = iota
	Hex           // without the link-layer header
	HexLink       // all bytes
	Both          // Hex, and as text
	BothLink      // HexLink, and as text
	Text          // as text, without the link-layer header
	TextLink      // as text, all bytes
)

// Options say what to print; zero values are tcpdump's defaults.
type Options struct {
	Names    *Names // nil: numbers (-n)
	Link     bool   // the link-layer header (-e)
	Quick    bool   // fewer details (-q)
	Verbose  int    // more of them (-v)
	Absolute bool   // sequence numbers of TCP as they are (-S)
	Clock    Clock  // -t
	Dump     Dump   // -x, -X, -A
	// Process has room for the process in every line, "-" where it is not known.
	Process bool
}
