package podman

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// long bounds what takes a moment.
const long = time.Minute

// open returns the runtime at a socket for the length of a test.
func open(t *testing.T, o Options) *Runtime {
	t.Helper()
	r := New(o)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// listen listens at a socket of the test's.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// fake is a Podman that answers as a test has it.
func fake(t *testing.T, routes map[string]http.HandlerFunc) *Runtime {
	t.Helper()
	l := listen(t)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Libpod-Api-Version", "4.3.1")
		route := routes[strings.TrimPrefix(req.URL.Path, api)]
		if route == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		route(w, req)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return open(t, Options{Socket: l.Addr().String(), Owner: os.Geteuid()})
}

// says answers with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

// id is a container's ID of one letter.
func id(letter string) string { return strings.Repeat(letter, 64) }
