package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"dlx/capture/pcapng"
	"dlx/engine"
	"dlx/internal/testutil"
)

// patience is for what takes milliseconds, on a machine that does other things as well.
const patience = time.Minute

// marked lets through what fakeContainer.send sends, and not the answer that nobody listens there.
const marked = "udp dst port 9"

// sink keeps what is captured.
type sink struct {
	began   chan struct{}
	refusal error         // of Begin
	failure error         // of what comes after the file's beginning
	stalled chan struct{} // if there is one, what comes after the beginning waits until it is closed

	mu    sync.Mutex
	calls int
	buf   bytes.Buffer
}

func newSink() *sink { return &sink{began: make(chan struct{})} }

func (s *sink) Begin() error {
	close(s.began)
	return s.refusal
}

func (s *sink) Blocks(b []byte, _, _ uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.calls > 1 {
		if s.stalled != nil {
			s.mu.Unlock()
			<-s.stalled
			s.mu.Lock()
		}
		if s.failure != nil {
			return s.failure
		}
	}
	s.buf.Write(b)
	return nil
}

// stalls says whether something has come after the beginning.
func (s *sink) stalls() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls > 1
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// of is a capture of what containers send themselves.
func of(targets ...string) engine.CaptureRequest {
	return engine.CaptureRequest{Targets: targets, Filter: marked}
}

// underway is a capture that goes on beside the test.
type underway struct {
	t     *testing.T
	to    *sink
	stop  context.CancelFunc
	done  chan struct{}
	stats engine.CaptureStats
	err   error
}

// begin starts a capture, and waits until it is on or over.
func begin(t *testing.T, e engine.Engine, req engine.CaptureRequest, to *sink) *underway {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	u := &underway{t: t, to: to, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		u.stats, u.err = e.Capture(ctx, req, to)
	}()
	t.Cleanup(func() {
		cancel()
		<-u.done
	})
	select {
	case <-to.began:
	case <-u.done:
	case <-time.After(patience):
		t.Fatal("the capture does not begin")
	}
	return u
}

// ended waits for the end of a capture that ends by itself, and returns its packets.
func (u *underway) ended() []seen {
	u.t.Helper()
	select {
	case <-u.done:
	case <-time.After(patience):
		u.t.Fatal("the capture does not end")
	}
	return u.packets()
}

// stopped ends a capture and returns its packets; it has no other end.
func (u *underway) stopped() []seen {
	u.t.Helper()
	select {
	case <-u.done:
		u.t.Fatalf("the capture has ended by itself: %v", u.err)
	default:
	}
	u.stop()
	return u.ended()
}

// seen is what a file says of a packet.
type seen struct{ Container, Text, Comment string }

func (u *underway) packets() (list []seen) {
	u.t.Helper()
	for r := pcapng.NewReader(strings.NewReader(u.to.String())); ; {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			u.t.Fatal(err)
		}
		name, _, _ := strings.Cut(r.Interface(&p).Description, ", ")
		list = append(list, seen{name, text(p.Data), p.Comment})
	}
}

// text is what a datagram carries, behind the headers of Ethernet, IPv4 and UDP.
func text(frame []byte) string { return string(frame[min(len(frame), 14+20+8):]) }

// wait waits until the file has a word.
func (u *underway) wait(word string) {
	u.t.Helper()
	testutil.Wait(u.t, word+" in the file", patience, func() bool { return strings.Contains(u.to.String(), word) })
}

// send has the container send itself a datagram.
func (c *fakeContainer) send(t *testing.T, words ...string) {
	t.Helper()
	err := c.enter(func() error { return sendTo("127.0.0.1:9", words...) })
	if err != nil {
		t.Fatal(err)
	}
}

// sendTo sends datagrams from the calling thread's network namespace.
func sendTo(address string, words ...string) error {
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp4", ":0") // not connected: that nobody listens there is no error
	if err != nil {
		return err
	}
	for _, word := range words {
		if _, err = conn.WriteTo([]byte(word), to); err != nil {
			break
		}
	}
	return errors.Join(err, conn.Close())
}
