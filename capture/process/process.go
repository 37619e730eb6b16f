// Package process finds the process that a packet belongs to. sock_diag(7) tells
// the inode of a flow's socket, and /proc tells which process has that socket open.
// Both are asked from outside of the container, so nothing in it is run or trusted.
// A process's name is its own claim, and is escaped.
//
// It is the house's own.
package process

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"sync"

	"dlx/internal/printable"
)

// Process is a process that owns a socket.
type Process struct {
	PID     uint32 // on the host
	Inner   uint32 // in its own pid namespace
	Command string // its name, as in /proc/PID/comm; at most 16 bytes, escaped for printing
}

// Flow is a transport flow as one of its ends sees it.
type Flow struct {
	Protocol      uint8  // TCP or UDP
	Interface     uint32 // index, where the addresses are link-local ones
	Local, Remote netip.AddrPort
}

// Protocols with ports that belong to processes (Assigned Internet Protocol Numbers).
const (
	TCP = 6
	UDP = 17
)

// Comment is what a capture file says of a process at the first packet of a flow.
func (p *Process) Comment() string {
	if p.PID == p.Inner {
		return fmt.Sprintf("%s (PID %d)", p.Command, p.PID)
	}
	return fmt.Sprintf("%s (PID %d in the container, %d on the host)", p.Command, p.Inner, p.PID)
}

// comment is compiled when it is first used, by who reads captures: who makes them does without.
var comment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.+) \(PID (\d{1,10})(?: in the container, (\d{1,10}) on the host)?\)$`)
})

// ParseComment takes apart what Comment returns. It returns false for any other text.
func ParseComment(s string) (Process, bool) {
	m := comment().FindStringSubmatch(s)
	if m == nil {
		return Process{}, false
	}
	inner, err := strconv.ParseUint(m[2], 10, 32)
	pid := inner
	if err == nil && m[3] != "" {
		pid, err = strconv.ParseUint(m[3], 10, 32)
	}
	return Process{PID: uint32(pid), Inner: uint32(inner), Command: printable.Escape(m[1])}, err == nil
}
