package grpcwire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"dlx/fault"
)

// Explain says of a call's error what was attempted. It tells a socket that may not be used, a
// fault.SocketDenied, from a runtime that is not there, a fault.NoRuntime.
func (c *Client) Explain(err error, what string) error {
	if dial, ok := errors.AsType[*net.OpError](err); !ok || dial.Op != "dial" || isEnd(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	socket := c.conns.socket
	if errors.Is(err, fs.ErrPermission) {
		return fault.New(fault.SocketDenied, socket, "no permission on %s", socket)
	}
	return fault.New(fault.NoRuntime, socket, "no container runtime answers at %s", socket)
}

// isEnd says whether an error is that of a context which has ended.
func isEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
