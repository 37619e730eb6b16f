package client

import (
	"context"
	"crypto/tls"
	"net"

	"dlx/agent/tlsid"
	"dlx/fault"
)

// tlsAddress is an agent that listens on TCP, and the user's certificate for it.
type tlsAddress struct {
	host, port string
	files      tlsid.Files
}

// WithFiles is an address with the user's certificate for it, where one is needed.
func WithFiles(a Address, files tlsid.Files) Address {
	if t, ok := a.(*tlsAddress); ok {
		return &tlsAddress{t.host, t.port, files}
	}
	return a
}

func (a *tlsAddress) String() string { return net.JoinHostPort(a.host, a.port) }

func (a *tlsAddress) dial(ctx context.Context) (net.Conn, error) {
	if a.files.Cert == "" || a.files.Key == "" || a.files.CA == "" {
		return nil, fault.New(fault.BadAgent, a.String(), "the agent at %s wants a certificate: none is given, or no key or CA", a)
	}
	config, err := tlsid.ClientConfig(a.files, a.host)
	if err != nil {
		return nil, err
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", a.String())
	if err != nil {
		return nil, fault.New(fault.NoAgent, a.String(), "no way to the agent at %s: %w", a, err)
	}
	return conn, nil
}
