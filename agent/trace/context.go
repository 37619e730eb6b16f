package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
)

// ID is a trace's, which is the same in all processes that a piece of work goes through.
type ID [16]byte

// SpanID is a span's.
type SpanID [8]byte

func (id ID) String() string     { return hex.EncodeToString(id[:]) }
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }

// Parent is the span of another process that a call is made in.
type Parent struct {
	Trace ID
	Span  SpanID
}

// ParseParent reads a traceparent header (https://www.w3.org/TR/trace-context/, 3.2). Its flags are
// passed over: who calls does not decide what is collected here. Versions to come have the same
// fields first.
func ParseParent(text string) (p Parent, ok bool) {
	const length = 2 + 1 + 32 + 1 + 16 + 1 + 2
	if len(text) < length || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return p, false
	}
	version := text[:2]
	if version == "ff" || version == "00" && len(text) != length || len(text) > length && text[length] != '-' {
		return p, false
	}
	for _, c := range []byte(text[:length]) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return p, false
		}
	}
	if _, err := hex.Decode(p.Trace[:], []byte(text[3:35])); err != nil {
		return Parent{}, false
	}
	if _, err := hex.Decode(p.Span[:], []byte(text[36:52])); err != nil {
		return Parent{}, false
	}
	if _, err := hex.Decode(make([]byte, 1), []byte(version)); err != nil {
		return Parent{}, false
	}
	if _, err := hex.Decode(make([]byte, 1), []byte(text[53:55])); err != nil || p.Trace == (ID{}) || p.Span == (SpanID{}) {
		return Parent{}, false
	}
	return p, true
}

type parentKey struct{}

// WithParent is a context of a call with a traceparent header. One that is none changes nothing.
func WithParent(ctx context.Context, header string) context.Context {
	if p, ok := ParseParent(header); ok {
		return context.WithValue(ctx, parentKey{}, p)
	}
	return ctx
}

type spanKey struct{}

// Of is the span that a context is of, nil if it is of none.
func Of(ctx context.Context) *Span {
	s, _ := ctx.Value(spanKey{}).(*Span)
	return s
}

func newSpanID() (id SpanID) {
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return id
}
