package client

import (
	"context"
	"time"

	"dlx/agent/proto"
	"dlx/agent/wire"
)

// Session is work that is under way on an agent.
type Session struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Verb    string    `json:"verb"`
	Targets []string  `json:"targets"`
	Started time.Time `json:"started"`
	Bytes   uint64    `json:"bytes"` // sent to the client
	Reason  string    `json:"reason,omitempty"`
}

// Sessions lists the caller's own, or all if the caller may see them.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	m, err := c.rpc.Sessions(ctx, &proto.SessionsRequest{})
	if err != nil {
		return nil, c.failed(ctx, "sessions", "", err)
	}
	return wire.Each(m.GetSessions(), toSession), nil
}

// WatchSessions calls a function with what Sessions returns, at once and whenever that has changed,
// until ctx ends, the agent does, or the function returns an error.
func (c *Client) WatchSessions(ctx context.Context, each func([]Session) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.WatchSessions(ctx, &proto.WatchSessionsRequest{})
	if err != nil {
		return c.failed(ctx, "sessions", "", err)
	}
	defer func() { _ = stream.Close() }() // what comes is of no interest any more
	for {
		m, err := stream.Receive()
		if err != nil {
			return c.failed(ctx, "sessions", "", err)
		}
		if err := each(wire.Each(m.GetSessions(), toSession)); err != nil {
			return err
		}
	}
}

func toSession(s *proto.Session) Session {
	return Session{s.GetId(), s.GetUser(), s.GetVerb(), s.GetTargets(), s.GetStarted().AsTime(), s.GetBytes(), s.GetReason()}
}

// EndSession ends one. None of that ID is a fault.NoSession.
func (c *Client) EndSession(ctx context.Context, id string) error {
	_, err := c.rpc.EndSession(ctx, &proto.EndSessionRequest{Id: id})
	return c.failed(ctx, "sessions", id, err)
}
