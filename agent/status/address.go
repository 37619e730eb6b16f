package status

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"dlx/fault"
)

// Address is where a server listens.
type Address struct {
	Network string // "unix" or "tcp"
	Text    string // a path, or HOST:PORT
}

// Loopback says that nobody on another machine reaches it.
func (a Address) Loopback() bool {
	if a.Network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(a.Text)
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || host == "localhost"
}

// ParseAddress reads unix:///PATH or HOST:PORT. Without a HOST it is 127.0.0.1, unlike with Go's
// own: whoever wants others to ask says so.
func ParseAddress(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, "unix://"); ok && filepath.IsAbs(path) {
		return Address{"unix", path}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return Address{}, fault.New(fault.BadRequest, text, "%q is neither unix:///PATH nor HOST:PORT", text)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return Address{"tcp", net.JoinHostPort(host, port)}, nil
}
