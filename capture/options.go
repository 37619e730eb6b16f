package capture

import (
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/bpf"

	"dlx/capture/linktype"
)

// Enter runs f on a thread inside the namespace to capture in, and returns f's error.
type Enter func(f func() error) error

// Compile makes the filter's program for a link type (pcap-linktype(7)) and an interface's IPv4
// mask, if it has one. The program returns how many bytes of a packet to keep.
type Compile func(link uint16, netmask netip.Addr, snaplen uint32) ([]bpf.RawInstruction, error)

// Take reserves so many bytes of a bound on memory, until release. Its error says why it can not.
type Take func(bytes int) (release func(), err error)

// Source is a network namespace to capture in.
type Source struct {
	Enter   Enter
	Name    string // of the container
	Image   string // that it was made of
	Comment string // on its interfaces and its first packet

	Compile Compile // instead of that of the options
	Filter  string  // that it compiles
}

// Direction says which packets of an interface are wanted.
type Direction int

// The directions. Loopback shows each packet once, as received unless Out is asked for.
const (
	Both Direction = iota
	In
	Out
)

// Options say what to capture; zero values are the defaults.
type Options struct {
	Interface   string        // "" or "any": every interface, those to come included
	Direction   Direction     // Both
	SnapLen     int           // bytes kept of a packet; DefaultSnapLen
	Compile     Compile       // nil: everything
	Filter      string        // the expression that Compile compiles, for the file
	RingSize    int           // bytes of a source's ring; DefaultRingSize
	Count       uint64        // packets; no limit
	MaxBytes    uint64        // of the file; no limit
	Application string        // the program that captures
	NoProcess   bool          // leave out whose packets they are
	NoNames     bool          // leave out what addresses are called
	Latency     time.Duration // after which a packet is handed on although its block is not full; DefaultLatency
	Take        Take          // asked for what each source's packets take of the kernel's memory; nil: there is no bound

	settled func() error // instead of the kernel's grace period, for tests
}

// Defaults.
const (
	DefaultSnapLen  = linktype.MaxPacket
	DefaultRingSize = 32 << 20
	DefaultLatency  = 50 * time.Millisecond
)

// Any stands for every interface.
const Any = "any"

// Stats are a capture's closing figures.
type Stats struct {
	Captured uint64    // packets written
	Bytes    uint64    // of the file
	Received uint64    // packets that the filter let through
	Dropped  uint64    // packets that were lost because the ring was full
	Skipped  []Skipped // interfaces that the filter has no program for
}

// Interface is a network interface that can be captured on.
type Interface struct {
	Name      string           `json:"name"`
	Index     int              `json:"index"`
	Up        bool             `json:"up"`
	Loopback  bool             `json:"loopback"`
	Driver    string           `json:"driver"`    // what rtnetlink calls it: veth, bridge, tun
	LinkType  uint16           `json:"link_type"` // pcap-linktype(7)
	MAC       net.HardwareAddr `json:"-"`
	Addresses []netip.Prefix   `json:"addresses"`
}

// Skipped is an interface that is not captured.
type Skipped struct {
	Interface string // escaped for printing
	Why       error
}
