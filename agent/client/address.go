package client

import (
	"context"
	"net"
	"path"
	"strings"

	"dlx/fault"
)

// Address is where an agent listens.
type Address struct {
	network, address string
}

// LocalSocket is where a host's own agent listens.
const LocalSocket = "/run/dlx/agent.sock"

// ParseAddress reads unix:///PATH. Errors are fault.BadAgent.
func ParseAddress(text string) (Address, error) {
	socket, ok := strings.CutPrefix(text, "unix://")
	if !ok || !path.IsAbs(socket) {
		return Address{}, fault.New(fault.BadAgent, text, "%q is no address of an agent", text)
	}
	return Address{"unix", path.Clean(socket)}, nil
}

func (a Address) String() string { return a.network + "://" + a.address }

// dial connects. Errors are fault.NoAgent.
func (a Address) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, a.network, a.address)
	if err != nil {
		return nil, fault.New(fault.NoAgent, a.String(), "no agent answers at %s: %w", a, err)
	}
	return conn, nil
}
