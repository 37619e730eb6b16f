package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/wire"
	"dlx/internal/pause"
	"dlx/record/audit"
)

// ReadRecord is audit.Read of an agent's record.
type ReadRecord func(filter audit.Filter, f func(*audit.Entry) error) (bad int, err error)

// Audit sends what the record has to who may see it.
func (s handler) Audit(ctx context.Context, req *proto.AuditRequest, stream protoconnect.AgentAuditServerStream) (err error) {
	w := &Work{Verb: verbAudit}
	ctx, leave, err := s.begin(ctx, w)
	if err != nil {
		return told(err)
	}
	defer func() { w.err = err; leave() }()
	defer pause.Behind(ctx, cutLimit, guardOf(ctx).cut)()
	if err := s.allow(ctx, verbAudit, nil); err != nil {
		return told(err)
	}
	if s.o.Record == nil {
		return told(errors.New("this agent keeps no record"))
	}
	t := &telling{ctx: ctx, stream: stream, sum: sha256.New()}
	bad, err := s.o.Record(audit.Filter{
		Since: moment(req.GetSince()), Until: moment(req.GetUntil()), User: req.GetUser(), Target: req.GetTarget(), Verb: req.GetVerb(), ID: req.GetId(),
	}, t.entry)
	if t.failed != nil {
		return told(t.failed)
	}
	end := &proto.AuditEnd{Fault: wire.FromError(err), Unread: uint64(bad), Bytes: t.bytes, Sha256: t.sum.Sum(nil)}
	return stream.Send(&proto.AuditResponse{Output: &proto.AuditResponse_End{End: end}})
}

// telling sends entries.
type telling struct {
	ctx    context.Context //nolint:containedctx // of the call, which telling is a part of
	stream protoconnect.AgentAuditServerStream
	sum    hash.Hash
	bytes  uint64
	failed error // the connection, or the call's end
}

func (t *telling) entry(e *audit.Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	t.sum.Write(line)
	t.bytes += uint64(len(line))
	if t.failed = context.Cause(t.ctx); t.failed == nil {
		t.failed = t.stream.Send(&proto.AuditResponse{Output: &proto.AuditResponse_Entry{Entry: line}})
	}
	return t.failed
}

// moment is none for nil.
func moment(at *timestamppb.Timestamp) (t time.Time) {
	if at != nil {
		t = at.AsTime()
	}
	return t
}
