//go:build linux

package enginetest

import (
	"bytes"
	"sync"
	"testing"
)

// sink keeps what is captured, and checks that an engine keeps to the order of its calls.
type sink struct {
	t       *testing.T
	started chan struct{}
	refusal error // of Begin

	mu               sync.Mutex
	buf              bytes.Buffer
	begun            bool
	packets, dropped uint64
}

func newSink(t *testing.T, refusal error) *sink {
	return &sink{t: t, started: make(chan struct{}), refusal: refusal}
}

func (s *sink) Begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		s.t.Error("the sink begins twice")
		return nil
	}
	s.begun = true
	close(s.started)
	return s.refusal
}

func (s *sink) Blocks(b []byte, packets, dropped uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun || s.refusal != nil {
		s.t.Error("blocks come to a sink that has not begun")
	}
	s.buf.Write(b)
	s.packets += packets
	s.dropped += dropped
	return nil
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}
