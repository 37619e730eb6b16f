package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// limit is less than what the runtime is given for an answer.
const limit = 15 * time.Second

// listen makes the socket of a runtime in place of the real one, and has DOCKER_HOST lead there.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "docker.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestSilentRuntime: captures that can do without a runtime start and end while it does not answer.
func TestSilentRuntime(t *testing.T) {
	testutil.RequireRoot(t)
	l := listen(t) // and nobody accepts
	e := localAt(t, "unix://"+l.Addr().String(), engine.LocalOptions{State: t.TempDir()})
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		req := engine.CaptureRequest{Targets: []string{"pid://" + strconv.Itoa(os.Getpid())}, Interface: "lo", Filter: "udp port 9"}
		_, err := e.Capture(ctx, req, capture.ToWriter(writerFunc(func(p []byte) (int, error) {
			cancel() // it is on
			return out.Write(p)
		})))
		done <- errors.Join(err, e.Close())
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(limit):
		t.Error("the capture waits for the runtime")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestCaptureOfChanged: a container that was restarted while its ring was made is an error, and
// nothing of it is written.
func TestCaptureOfChanged(t *testing.T) {
	docker := testutil.RequireDocker(t)
	c := docker.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	network, address, _ := strings.Cut(docker.Host, "://")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	var inspected atomic.Int32
	server := &http.Server{ReadHeaderTimeout: limit, Handler: &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "docker"}) },
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasSuffix(r.Request.URL.Path, "/json") || inspected.Add(1) != 2 {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			body = bytes.Replace(body, []byte(`"StartedAt":"2`), []byte(`"StartedAt":"3`), 1)
			r.Body = io.NopCloser(bytes.NewReader(body))
			return err
		},
	}}
	l := listen(t)
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	e := localAt(t, "unix://"+l.Addr().String(), engine.LocalOptions{State: t.TempDir()})
	defer func() { _ = e.Close() }()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err := e.Capture(ctx, engine.CaptureRequest{Targets: []string{c.ID}}, capture.ToWriter(&out))
	if !errors.Is(err, fault.Changed) || out.Len() > 0 || inspected.Load() < 2 {
		t.Errorf("after %d questions: %v, %d bytes written", inspected.Load(), err, out.Len())
	}
}
