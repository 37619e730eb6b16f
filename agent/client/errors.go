package client

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"

	"dlx/agent/proto"
	"dlx/agent/wire"
	"dlx/fault"
)

// failed is a call's error as a verb's about a target. What the agent's engine has told is the
// same as that of an engine in this process.
func (c *Client) failed(ctx context.Context, op, target string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.In(op, target, context.Cause(ctx))
	case fault.Of(err) != nil: // of the dialer's, or told
		return fault.In(op, target, fault.Of(err))
	}
	told, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return fault.In(op, target, c.cut(err))
	}
	for _, detail := range told.Details() {
		m, derr := connectproto.UnmarshalErrorDetail(detail)
		if f, ok := m.(*proto.Fault); ok && derr == nil {
			return fault.In(op, target, wire.ToError(f, nil))
		}
	}
	switch told.Code() {
	case connect.CodeUnimplemented:
		return fault.In(op, target, c.old(err))
	case connect.CodeUnavailable, connect.CodeCanceled, connect.CodeUnknown, connect.CodeInternal:
		return fault.In(op, target, c.cut(err))
	}
	return fault.In(op, target, fault.New(fault.Internal, target, "the agent at %s refuses: %w", c.o.Address, told))
}

// cut reports a connection that ended before what it was for.
func (c *Client) cut(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if !c.heard.Load() {
		return fault.New(fault.NoAgent, c.o.Address.String(), "no agent answers at %s: %w", c.o.Address, err)
	}
	return fault.New(fault.Cut, c.o.Address.String(), "the connection to the agent at %s was cut before the end was told: %w", c.o.Address, err)
}

// old reports an agent that does not know a call.
func (c *Client) old(err error) error {
	ctx, cancel := context.WithTimeout(context.Background(), connectLimit)
	defer cancel()
	theirs := "unknown"
	if hello, herr := c.rpc.Hello(ctx, &proto.HelloRequest{Version: c.o.Version}); herr == nil {
		theirs = hello.GetVersion()
	}
	return fault.New(fault.OldAgent, c.o.Address.String(), "the agent at %s is of version %s and does not know what this dlx, of version %s, asks of it: %w",
		c.o.Address, theirs, c.o.Version, err).With(theirs, c.o.Version)
}
