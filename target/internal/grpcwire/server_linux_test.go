package grpcwire_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/target/internal/grpcwire"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// soon is how long what must be refused at once may take on a busy machine.
const soon = 30 * time.Second

// listen makes a socket.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "server.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serve answers at a socket by HTTP/2.
func serve(t *testing.T, f http.HandlerFunc) (socket string) {
	t.Helper()
	return testutil.ServeHTTP2(t, f)
}

// raw answers each connection at a socket by a function, until the test ends.
func raw(t *testing.T, f func(net.Conn)) (socket string) {
	t.Helper()
	l := listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				f(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// open is a client for the length of a test.
func open(t *testing.T, socket string) *grpcwire.Client {
	t.Helper()
	c := grpcwire.New(socket)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func call(ctx context.Context, c *grpcwire.Client) (string, error) {
	message, err := c.Call(ctx, grpcwire.Request{Method: "/test.v1.Test/Ask", Message: []byte("question")})
	return string(message), err
}

// framed is a message as gRPC has it, with a length of its own if it is to be wrong.
func framed(message string, length ...uint32) []byte {
	out := make([]byte, 5, 5+len(message))
	binary.BigEndian.PutUint32(out[1:], append(length, uint32(len(message)))[0])
	return append(out, message...)
}

// begin writes the headers of an answer.
func begin(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/grpc")
	w.WriteHeader(http.StatusOK)
}

// end writes a status as a trailer.
func end(w http.ResponseWriter, status string) {
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", status)
}
