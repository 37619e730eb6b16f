package client_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/fault"
	"dlx/record/audit"
)

// recorder is an agent that sends a record as a test wants it to.
type recorder struct {
	protoconnect.UnimplementedAgentHandler
	send []*proto.AuditResponse
}

func (r *recorder) Audit(_ context.Context, _ *proto.AuditRequest, s protoconnect.AgentAuditServerStream) error {
	for _, m := range r.send {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// TestAuditEnd: only a record whose end was told, and whose entries have come as they were sent, is
// whole.
func TestAuditEnd(t *testing.T) {
	const line = `{"v":1,"kind":"begin"}`
	entry := func(text string) *proto.AuditResponse {
		return &proto.AuditResponse{Output: &proto.AuditResponse_Entry{Entry: []byte(text)}}
	}
	end := func(text string) *proto.AuditResponse {
		sum := sha256.Sum256([]byte(text))
		return &proto.AuditResponse{Output: &proto.AuditResponse_End{End: &proto.AuditEnd{Bytes: uint64(len(text)), Sha256: sum[:], Unread: 3}}}
	}
	for name, tt := range map[string]struct {
		send []*proto.AuditResponse
		want error
	}{
		"whole":          {[]*proto.AuditResponse{entry(line), entry(line), end(line + line)}, nil},
		"without an end": {[]*proto.AuditResponse{entry(line)}, fault.Cut},
		"nothing at all": {nil, fault.Cut},
		"fewer entries":  {[]*proto.AuditResponse{entry(line), end(line + line)}, fault.Cut},
		"other entries":  {[]*proto.AuditResponse{entry(`{"v":1,"kind":"other"}`), end(line)}, fault.Cut},
		"one from later": {[]*proto.AuditResponse{{}, entry(line), end(line)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bad, err := ask(t, &recorder{send: tt.send}).Audit(t.Context(), audit.Filter{}, func(*audit.Entry) error { return nil })
			if !errors.Is(err, tt.want) || err == nil && bad != 3 {
				t.Errorf("%d, %v, want %v", bad, err, tt.want)
			}
		})
	}
	c := ask(t, &recorder{send: []*proto.AuditResponse{entry("no JSON")}})
	if _, err := c.Audit(t.Context(), audit.Filter{}, func(*audit.Entry) error { return nil }); err == nil {
		t.Error("an entry that is none is read")
	}
}
