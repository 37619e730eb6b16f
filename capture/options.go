package capture

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/bpf"
)

// Enter runs f on a thread inside the namespace to capture in, and returns f's error.
type Enter func(f func() error) error

// Compile makes the filter's program for an interface's link type (pcap-linktype(7)) and IPv4 network mask, if it has
// one; what the program returns is how many bytes to keep of a packet.
type Compile func(link uint16, netmask netip.Addr, snaplen uint32) ([]bpf.RawInstruction, error)

// Options say what to capture; zero values are the defaults.
type Options struct {
	Interface   string        // "" or "any": every interface that is up
	SnapLen     int           // bytes kept of a packet; DefaultSnapLen
	Compile     Compile       // nil: everything
	Filter      string        // the expression that Compile compiles, for the file
	RingSize    int           // bytes of all rings together; DefaultRingSize
	Count       uint64        // packets; no limit
	Description string        // what the file says of each interface, such as the container's name
	Application string        // the program that captures
	Latency     time.Duration // after which a packet is handed on although its block is not full; DefaultLatency
}

// Defaults.
const (
	DefaultSnapLen  = 262144
	DefaultRingSize = 32 << 20
	DefaultLatency  = 50 * time.Millisecond
)

// Any stands for every interface.
const Any = "any"

// Stats are a capture's closing figures.
type Stats struct {
	Captured uint64   // packets written
	Received uint64   // packets that the filter let through
	Dropped  uint64   // packets that were lost because the ring was full
	Skipped  []string // interfaces whose link type is not known
}

// NoInterfaceError reports an interface that the namespace does not have, or that can not be captured on.
type NoInterfaceError struct {
	Name  string
	There []string
	Why   string // "" if it is not there
}

func (e *NoInterfaceError) Error() string {
	switch {
	case e.Why != "":
		return fmt.Sprintf("interface %q: %s", e.Name, e.Why)
	case e.Name == "" || e.Name == Any:
		return "no interface is up"
	}
	return fmt.Sprintf("no interface %q", e.Name)
}

// Hint names those that there are.
func (e *NoInterfaceError) Hint() string {
	if len(e.There) == 0 {
		return "the container has no network"
	}
	return "interfaces: " + strings.Join(e.There, ", ")
}

// ErrPermission reports that packet sockets are not allowed.
var ErrPermission = errors.New("no permission to capture: it takes CAP_NET_RAW")
