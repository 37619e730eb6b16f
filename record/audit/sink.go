package audit

import (
	"bytes"
	"context"
	"fmt"
	"net"
)

// Sink takes the line of a checkpoint to where the host's root can not take it back. It is called
// by one goroutine at a time, and ends with ctx.
type Sink func(ctx context.Context, line []byte) error

// syslogPriority is facility 13, log audit, and severity 6, informational (RFC 5424, 6.2.1).
const syslogPriority = 13*8 + 6

// ToSyslog sends lines to a syslog daemon's socket, which systemd's journal has too: /dev/log.
func ToSyslog(socket string) Sink {
	return func(ctx context.Context, line []byte) error {
		return send(ctx, "unixgram", socket, fmt.Appendf(nil, "<%d>dlx-audit: %s", syslogPriority, line))
	}
}

// ToNetwork sends lines, each with a line feed, to an address of a stream, such as tcp. A
// connection for each: there are few, and one that has gone stale would lose a line.
func ToNetwork(network, address string) Sink {
	return func(ctx context.Context, line []byte) error {
		return send(ctx, network, address, append(bytes.Clone(line), '\n'))
	}
}

func send(ctx context.Context, network, address string, message []byte) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return fmt.Errorf("send a checkpoint: %w", err)
	}
	defer func() { _ = conn.Close() }() // what was written was, or not
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("send a checkpoint: %w", err)
		}
	}
	if _, err := conn.Write(message); err != nil {
		return fmt.Errorf("send a checkpoint: %w", err)
	}
	return nil
}
