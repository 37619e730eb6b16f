package client

import (
	"context"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"

	"dlx/agent/proto/protoconnect"
	"dlx/engine"
)

// Options say which agent is meant.
type Options struct {
	Address Address
	// Reason is why the work is done, for the agent's record.
	Reason string
	// Version is this program's own, which an agent's error may name.
	Version string
}

// Client is an engine.Engine. Calls may be made at once, over one connection.
type Client struct {
	o         Options
	transport *http.Transport
	rpc       protoconnect.AgentClient
}

var _ engine.Engine = (*Client)(nil)

// Bounds of a connection. An agent that answers nothing for both of the pings' times has gone.
const (
	connectLimit = 10 * time.Second
	pingAfter    = 5 * time.Second
	pingLimit    = 5 * time.Second
	maxMessage   = 16 << 20
	maxFrame     = 1 << 20
	maxRequest   = 4<<20 - 64<<10 // of an agent's limit for a message
)

// New does not connect yet.
func New(o Options) *Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true) // TLS is the dialer's
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectLimit)
			defer cancel()
			return o.Address.dial(ctx)
		},
		Protocols: protocols,
		HTTP2:     &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingLimit, MaxReadFrameSize: maxFrame},
	}
	over := connecthttp.NewTransport(&http.Client{Transport: t}, "http://agent",
		connecthttp.WithGRPC(), connecthttp.WithReadMaxBytes(maxMessage),
		connecthttp.WithCodecs(connectproto.NewBinaryCodec()), connecthttp.WithCompressors())
	return &Client{o: o, transport: t, rpc: protoconnect.NewAgentClient(connect.NewClient(over))}
}

// Close releases the connection. Nothing is under way any more.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}
