package client

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"dlx/agent/proto"
	"dlx/agent/wire"
	"dlx/record/audit"
)

// Audit is audit.Read of the agent's record.
func (c *Client) Audit(ctx context.Context, filter audit.Filter, f func(*audit.Entry) error) (bad int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.Audit(ctx, &proto.AuditRequest{
		Since: stamp(filter.Since), Until: stamp(filter.Until), User: filter.User, Target: filter.Target, Verb: filter.Verb, Id: filter.ID,
	})
	if err != nil {
		return 0, c.failed(ctx, "audit", "", err)
	}
	defer func() { _ = stream.Close() }() // what comes is of no interest any more
	sum, size := sha256.New(), uint64(0)
	for {
		m, err := stream.Receive()
		if err != nil {
			return 0, c.failed(ctx, "audit", "", err)
		}
		switch out := m.GetOutput().(type) {
		case *proto.AuditResponse_Entry:
			sum.Write(out.Entry)
			size += uint64(len(out.Entry))
			e, err := audit.ParseLine(out.Entry)
			if err != nil {
				return 0, fmt.Errorf("read an entry of the agent at %s: %w", c.o.Address, err)
			}
			if err := f(e); err != nil {
				return 0, err
			}
		case *proto.AuditResponse_End:
			if err := sameBytes(size, out.End.GetBytes(), sum.Sum(nil), out.End.GetSha256()); err != nil {
				return 0, c.cut(err)
			}
			return int(out.End.GetUnread()), wire.ToError(out.End.GetFault(), nil)
		}
	}
}

// stamp is a moment; nil is none.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
