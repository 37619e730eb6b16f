package client

import (
	"context"
	"net"
	"path"
	"strings"

	"dlx/fault"
)

// Address is where an agent listens.
type Address interface {
	String() string
	// dial connects. Errors are fault.NoAgent.
	dial(ctx context.Context) (net.Conn, error)
}

// LocalSocket is where a host's own agent listens.
const LocalSocket = "/run/dlx/agent.sock"

// ParseAddress reads unix:///PATH, ssh://[USER@]HOST[:PORT][/PATH] or HOST:PORT. Errors are
// fault.BadAgent.
func ParseAddress(text string) (Address, error) {
	if socket, ok := strings.CutPrefix(text, "unix://"); ok && path.IsAbs(socket) {
		return unixAddress(path.Clean(socket)), nil
	}
	if a, ok := parseSSH(text); ok {
		return a, nil
	}
	if host, port, err := net.SplitHostPort(text); err == nil && host != "" && port != "" && !strings.ContainsAny(text, "/ ") {
		return &tlsAddress{host: host, port: port}, nil
	}
	return nil, fault.New(fault.BadAgent, text, "%q is no address of an agent", text)
}

// unixAddress is a unix socket of this machine.
type unixAddress string

func (a unixAddress) String() string { return "unix://" + string(a) }

func (a unixAddress) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", string(a))
	if err != nil {
		return nil, fault.New(fault.NoAgent, a.String(), "no agent answers at %s: %w", a, err)
	}
	return conn, nil
}
