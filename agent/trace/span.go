package trace

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"
)

// Attr is what is told of a span.
type Attr struct{ Key, Value string }

// Span is a part of a call's time. A nil one takes everything, and does nothing.
type Span struct {
	t      *Tracer
	trace  ID
	id     SpanID
	parent SpanID // zero: none
	remote bool   // the parent is of another process
	server bool   // it is a call's
	name   string
	start  time.Time

	mu     sync.Mutex
	end    time.Time
	attrs  []Attr
	failed bool
	status string
}

// maxAttrs is how much is told of a span, and maxText how long each text is.
const (
	maxAttrs = 16
	maxText  = 256
)

// Call begins the span of a call. Its trace is the one of the context's parent, if another process
// has named one, and else a new one.
func (t *Tracer) Call(ctx context.Context, name string, attrs ...Attr) (context.Context, *Span) {
	s := &Span{t: t, id: newSpanID(), name: name, server: true, start: time.Now(), attrs: attrs}
	if p, ok := ctx.Value(parentKey{}).(Parent); ok {
		s.trace, s.parent, s.remote = p.Trace, p.Span, true
	} else {
		_, _ = rand.Read(s.trace[:]) // never fails (crypto/rand)
	}
	return context.WithValue(ctx, spanKey{}, s), s
}

// Start begins a part of the context's span. Without one there is none.
func Start(ctx context.Context, name string) *Span {
	up := Of(ctx)
	if up == nil {
		return nil
	}
	return up.Part(name)
}

// Part begins a part of a span.
func (s *Span) Part(name string) *Span {
	if s == nil {
		return nil
	}
	return &Span{t: s.t, trace: s.trace, id: newSpanID(), parent: s.id, name: name, start: time.Now()}
}

// Trace is the ID of the span's trace.
func (s *Span) Trace() ID {
	if s == nil {
		return ID{}
	}
	return s.trace
}

// Remote is the span of another process that this one is a part of; "" if there is none.
func (s *Span) Remote() string {
	if s == nil || !s.remote {
		return ""
	}
	return s.parent.String()
}

// Set says what is to be told of the span, in place of what was said before.
func (s *Span) Set(key, value string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.attrs, func(a Attr) bool { return a.Key == key })
	if at >= 0 {
		s.attrs[at].Value = value
	} else if len(s.attrs) < maxAttrs {
		s.attrs = append(s.attrs, Attr{key, value})
	}
}

// End ends the span. failed is the word for what went wrong, "" if nothing has. It is called once.
func (s *Span) End(failed string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.end, s.failed, s.status = time.Now(), failed != "", failed
	s.mu.Unlock()
	s.t.offer(s)
}
