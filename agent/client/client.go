package client

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
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
	// Parent is the span that the work is a part of: a traceparent header of W3C's Trace Context.
	// One that is none is not sent.
	Parent string
}

// Client is an engine.Engine. Calls may be made at once, over one connection.
type Client struct {
	o         Options
	transport *http.Transport
	rpc       protoconnect.AgentClient
	heard     atomic.Bool // of the agent, anything
}

// hearing notes that something has come.
type hearing struct {
	net.Conn
	heard *atomic.Bool
}

func (h hearing) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if n > 0 {
		h.heard.Store(true)
	}
	return n, err
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
	c := &Client{o: o}
	c.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectLimit)
			defer cancel()
			conn, err := o.Address.dial(ctx)
			if err != nil {
				return nil, err
			}
			return hearing{conn, &c.heard}, nil
		},
		Protocols: protocols,
		HTTP2:     &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingLimit, MaxReadFrameSize: maxFrame},
	}
	over := connecthttp.NewTransport(&http.Client{Transport: within{c.transport, o.Parent}}, "http://agent",
		connecthttp.WithGRPC(), connecthttp.WithReadMaxBytes(maxMessage),
		connecthttp.WithCodecs(connectproto.NewBinaryCodec()), connecthttp.WithCompressors())
	c.rpc = protoconnect.NewAgentClient(connect.NewClient(over))
	return c
}

// Close releases the connection. Nothing is under way any more.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}
