package status_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlx/agent/status"
	"dlx/fault"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

const limit = 30 * time.Second

// TestProbe: who asks what never answers is not held up, and asks it no second time; an answer
// holds for its time.
func TestProbe(t *testing.T) {
	var asked atomic.Int32
	hung := make(chan struct{})
	p := status.NewProbe(limit, time.Hour, func(context.Context) error {
		asked.Add(1)
		<-hung // whatever its context says
		return errors.New("late")
	})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := p.Err(ctx); !errors.Is(err, status.ErrSilent) {
				t.Errorf("%v, want ErrSilent", err)
			}
		})
	}
	wg.Wait()
	close(hung)
	for range 3 {
		if err := p.Err(t.Context()); err == nil || err.Error() != "late" {
			t.Errorf("%v", err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	p.Close()

	ended := status.NewProbe(limit, 0, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	go func() { _ = ended.Err(context.Background()) }()
	ended.Close()
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]struct {
		status.Address
		loopback bool
	}{
		"unix:///run/x":        {status.Address{Network: "unix", Text: "/run/x"}, true},
		":9464":                {status.Address{Network: "tcp", Text: "127.0.0.1:9464"}, true},
		"localhost:9464":       {status.Address{Network: "tcp", Text: "localhost:9464"}, true},
		"[::1]:9464":           {status.Address{Network: "tcp", Text: "[::1]:9464"}, true},
		"[::ffff:127.0.0.1]:1": {status.Address{Network: "tcp", Text: "[::ffff:127.0.0.1]:1"}, true},
		"0.0.0.0:9464":         {status.Address{Network: "tcp", Text: "0.0.0.0:9464"}, false},
		"node.example:9464":    {status.Address{Network: "tcp", Text: "node.example:9464"}, false},
	} {
		got, err := status.ParseAddress(text)
		if err != nil || got != want.Address || got.Loopback() != want.loopback {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "9464", "unix://x", "http://a:1", "a:"} {
		if a, err := status.ParseAddress(text); !errors.Is(err, fault.BadRequest) {
			t.Errorf("%q: %+v, %v", text, a, err)
		}
	}
}

// TestSlowClients: who sends headers slowly, or too large ones, or asks for much else, is cut off,
// and others are served.
func TestSlowClients(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := status.New(status.Options{Metrics: strings.NewReader("x 1\n")})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	defer func() {
		if err := errors.Join(s.Close(), <-served); err != nil {
			t.Error(err)
		}
	}()
	var slow []net.Conn
	for range 40 { // more than there is room for
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /metrics HTTP/1.1\r\nX: "); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	began := time.Now()
	client := &http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	// One too many waits until others have been cut off.
	if took := time.Since(began); resp.StatusCode != http.StatusOK || took > 20*time.Second || took < time.Second {
		t.Errorf("%d after %s", resp.StatusCode, took)
	}
	for _, c := range slow {
		_ = c.SetReadDeadline(time.Now().Add(limit))
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a slow client is not cut off")
		}
	}
	req, err := http.NewRequest(http.MethodGet, "http://"+l.Addr().String()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X", strings.Repeat("x", 100<<10))
	resp, err = client.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large header: %d", resp.StatusCode)
	}
	testutil.Wait(t, "net/http to let go of it", limit, func() bool { // which takes it half a second
		stacks := make([]byte, 1<<20)
		return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("closeWriteAndWait"))
	})
}
