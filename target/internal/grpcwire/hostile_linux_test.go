package grpcwire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"dlx/target/internal/grpcwire"
)

// shortly is the patience of who waits for one that never answers.
const shortly = 200 * time.Millisecond

// greet reads what a client begins a connection with, and says the server's part.
func greet(conn net.Conn, settings ...http2.Setting) *http2.Framer {
	_, _ = io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface)))
	f := http2.NewFramer(conn, conn)
	f.AllowIllegalWrites = true
	_ = f.WriteSettings(settings...)
	return f
}

// untilHeaders reads until a request comes, and returns its stream.
func untilHeaders(f *http2.Framer) uint32 {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0
		}
		if frame.Header().Type == http2.FrameHeaders {
			return frame.Header().StreamID
		}
	}
}

// TestHostile: a server that does not keep to the protocol ends the call, with an error and soon.
func TestHostile(t *testing.T) {
	for name, f := range map[string]func(net.Conn){
		"hangs up": func(net.Conn) {},
		"HTTP/1":   func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") },
		"noise":    func(c net.Conn) { _, _ = c.Write(bytes.Repeat([]byte{0xa5, 0x17, 0}, 1<<20)) },
		"headers without an end": func(c net.Conn) {
			f := greet(c)
			id := untilHeaders(f)
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: header(":status", "200")})
			for f.WriteContinuation(id, false, header("x", string(bytes.Repeat([]byte("x"), 1000)))) == nil {
			}
		},
		"early answers without an end": func(c net.Conn) {
			f := greet(c)
			id := untilHeaders(f)
			for f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: header(":status", "103"), EndHeaders: true}) == nil {
			}
		},
		"a gigabyte": func(c net.Conn) {
			f := greet(c)
			id := untilHeaders(f)
			block := append(header(":status", "200"), header("content-type", "application/grpc")...)
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
			data := append(framed("", 1<<30), make([]byte, 16000)...)
			for f.WriteData(id, false, data) == nil {
			}
		},
	} {
		c := open(t, raw(t, f))
		before := allocated()
		if got, err := call(within(t, soon), c); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if used := allocated() - before; used > 8<<20 {
			t.Errorf("%s: %d bytes were allocated", name, used)
		}
	}
}

func header(name, value string) []byte {
	var buf bytes.Buffer
	_ = hpack.NewEncoder(&buf).WriteField(hpack.HeaderField{Name: name, Value: value})
	return buf.Bytes()
}

// allocated is how much memory this process has ever asked for.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestUnending: nothing is waited for beyond the end of its context, or allocated for a promise.
func TestUnending(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for name, socket := range map[string]string{
		"does not take connections": listen(t).Addr().String(),
		"says nothing":              raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }),
		"does not answer":           serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		"promises a message": serve(t, func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			_, _ = w.Write(framed("x", grpcwire.MaxMessage))
			hang(w, r)
		}),
		"ends no answer": serve(t, func(w http.ResponseWriter, r *http.Request) { begin(w); _, _ = w.Write(framed("x")); hang(w, r) }),
	} {
		c := open(t, socket)
		before := allocated()
		if got, err := call(within(t, shortly), c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if used := allocated() - before; used > 8<<20 {
			t.Errorf("%s: %d bytes were allocated", name, used)
		}
	}
}

// TestNoStreams: a server that allows no streams is not connected to again and again.
func TestNoStreams(t *testing.T) {
	var connections atomic.Int32
	c := open(t, raw(t, func(c net.Conn) {
		connections.Add(1)
		greet(c, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0})
		_, _ = io.Copy(io.Discard, c)
	}))
	for range 3 {
		if got, err := call(within(t, shortly), c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q, %v", got, err)
		}
	}
	if n := connections.Load(); n > 3 {
		t.Errorf("%d connections for 3 calls", n)
	}
}
