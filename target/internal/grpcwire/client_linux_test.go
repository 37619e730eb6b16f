package grpcwire_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlx/target/internal/grpcwire"
)

// TestCall: what is asked arrives, and the answer comes back.
func TestCall(t *testing.T) {
	socket := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		begin(w)
		_, _ = w.Write(framed(r.URL.Path + " " + r.Header.Get("Containerd-Namespace") + " " + r.Header.Get("Te") + " " + string(body[5:])))
		end(w, "0")
	})
	c := open(t, socket)
	for range 2 {
		got, err := c.Call(within(t, soon), grpcwire.Request{Method: "/a.B/C", Metadata: map[string]string{"containerd-namespace": "dlx"}, Message: []byte("x")})
		if want := "/a.B/C dlx trailers x"; err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

// TestAnswers: what is no answer is refused with a word.
func TestAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"status":      {func(w http.ResponseWriter, _ *http.Request) { begin(w); end(w, "12") }, "(gRPC status 12)"},
		"late status": {func(w http.ResponseWriter, _ *http.Request) { begin(w); _, _ = w.Write(framed("x")); end(w, "13") }, "(gRPC status 13)"},
		"no status":   {func(w http.ResponseWriter, _ *http.Request) { begin(w); _, _ = w.Write(framed("x")) }, "the answer has no status"},
		"odd status":  {func(w http.ResponseWriter, _ *http.Request) { begin(w); _, _ = w.Write(framed("x")); end(w, "-1") }, `the answer's status is "-1"`},
		"no message":  {func(w http.ResponseWriter, _ *http.Request) { begin(w); end(w, "0") }, "no message in the answer"},
		"two messages": {func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			_, _ = w.Write(append(framed("x"), framed("y")...))
			end(w, "0")
		}, "more than one message"},
		"cut message":   {func(w http.ResponseWriter, _ *http.Request) { begin(w); _, _ = w.Write(framed("x", 2)); end(w, "0") }, "unexpected EOF"},
		"cut prefix":    {func(w http.ResponseWriter, _ *http.Request) { begin(w); _, _ = w.Write(framed("")[:3]); end(w, "0") }, "unexpected EOF"},
		"large message": {func(w http.ResponseWriter, _ *http.Request) { begin(w); _, _ = w.Write(framed("", 1<<30)); end(w, "0") }, "a message has 1073741824 bytes, more than 16777216"},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			_, _ = w.Write([]byte{1, 0, 0, 0, 0})
			end(w, "0")
		}, "compressed"},
		"zipped": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			begin(w)
			z := gzip.NewWriter(w)
			_, _ = z.Write(framed("x"))
			_ = z.Close()
			end(w, "0")
		}, "compressed"},
		"not found": {http.NotFound, "HTTP's status 404"},
		"page":      {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, `no gRPC, but "text/html`},
		"large header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			begin(w)
		}, "call /test.v1.Test/Ask"},
		"large trailers": {func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			_, _ = w.Write(framed("x"))
			end(w, strings.Repeat("0", 1<<20))
		}, "the answer of /test.v1.Test/Ask"},
	} {
		if got, err := call(within(t, soon), open(t, serve(t, tt.answer))); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %q, %.300v; want an error with %q", name, got, err, tt.want)
		}
	}
}

// TestStatus: a status that comes instead of an answer, with a text that would steer a terminal.
func TestStatus(t *testing.T) {
	c := open(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Grpc-Status", "5")
		w.Header().Set("Grpc-Message", "no container%20%1b[2J"+strings.Repeat("x", 10<<10))
		begin(w)
	}))
	_, err := call(within(t, soon), c)
	if !grpcwire.Is(err, grpcwire.NotFound) || grpcwire.Is(err, grpcwire.Unimplemented) || grpcwire.Is(nil, grpcwire.OK) {
		t.Errorf("%v is not NotFound alone", err)
	}
	if text := err.Error(); !strings.Contains(text, `no container \x1b[2Jxxx`) || len(text) > 2<<10 {
		t.Errorf("%d bytes: %.100q", len(text), text)
	}
}

// TestStream: messages come one after the other, and then the end.
func TestStream(t *testing.T) {
	proceed := make(chan struct{})
	c := open(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		begin(w)
		for _, m := range []string{"a", "", "c"} {
			_, _ = w.Write(framed(m))
			_ = http.NewResponseController(w).Flush()
			<-proceed
		}
		end(w, "0")
	}))
	s, err := c.Stream(within(t, soon), grpcwire.Request{Method: "/a.B/C"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "", "c"} {
		if got, err := s.Next(); err != nil || string(got) != want {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
		proceed <- struct{}{}
	}
	if _, err := s.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestClose: a client that is closed ends what is asked, and asks nothing more.
func TestClose(t *testing.T) {
	asked := make(chan struct{}, 2)
	c := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "Stream") {
			begin(w)
			_ = http.NewResponseController(w).Flush()
		}
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	s, err := c.Stream(within(t, soon), grpcwire.Request{Method: "/a.B/Stream"})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 2)
	go func() { _, err := s.Next(); waits <- err }()
	go func() { _, err := call(t.Context(), c); waits <- err }()
	<-asked
	<-asked
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-waits; err == nil {
			t.Error("an answer of a closed client")
		}
	}
	if _, err := call(t.Context(), c); err == nil {
		t.Error("a closed client asks")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCloseConnections: a client that is closed leaves no connection behind, whatever is asked on
// it.
func TestCloseConnections(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	c := grpcwire.New(raw(t, func(c net.Conn) {
		untilHeaders(greet(c))
		asked <- struct{}{}
		_, _ = io.Copy(io.Discard, c)
		ended <- struct{}{}
	}))
	waits := make(chan error, 1)
	go func() {
		_, err := c.Stream(t.Context(), grpcwire.Request{Method: "/a.B/C"})
		waits <- err
	}()
	<-asked
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(soon):
		t.Fatal("the connection is still there")
	}
	if err := <-waits; err == nil {
		t.Error("an answer of a closed client")
	}
}

// TestNobody: who can not be connected to is told apart by the cause.
func TestNobody(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for socket, want := range map[string]error{filepath.Join(dir, "none"): fs.ErrNotExist, plain: nil, "/" + strings.Repeat("x", 200): nil} {
		_, err := call(within(t, soon), open(t, socket))
		if dial, ok := errors.AsType[*net.OpError](err); !ok || dial.Op != "dial" || want != nil && !errors.Is(err, want) {
			t.Errorf("%.40s: %v", socket, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := call(ctx, open(t, listen(t).Addr().String())); !errors.Is(err, context.Canceled) {
		t.Errorf("by who has given up: %v", err)
	}
}
