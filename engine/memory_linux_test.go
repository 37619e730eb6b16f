package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// bounded is an engine with quotas of its own, in a namespace of the test's.
func bounded(t *testing.T) (*engine.Local, string) {
	t.Helper()
	testutil.RequireRoot(t)
	e := engine.NewLocal(engine.LocalOptions{State: t.TempDir(), Run: filepath.Join(t.TempDir(), "dlx")})
	t.Cleanup(func() { e.Close() })
	return e, "pid://" + strconv.Itoa(os.Getpid())
}

// capturing captures until the test ends, or end is called. It returns once the capture is on, or
// with what it failed with.
func capturing(t *testing.T, e *engine.Local, req engine.CaptureRequest) (end func(), err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	on, done := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		_, err := e.Capture(ctx, req, capture.ToWriter(writerFunc(func(p []byte) (int, error) {
			select {
			case on <- struct{}{}:
			default:
			}
			return len(p), nil
		})))
		done <- err
	}()
	select {
	case <-on:
	case err := <-done:
		cancel()
		return nil, err
	}
	end = func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			done <- nil
		case <-time.After(time.Minute):
			t.Error("the capture does not end")
		}
	}
	t.Cleanup(end)
	return end, nil
}

// TestMemory: the captures of a user take no more together than their bound, and give it back;
// those of root and of other users do not count.
func TestMemory(t *testing.T) {
	e, self := bounded(t)
	req := engine.CaptureRequest{Targets: []string{self}, Interface: "lo", Filter: "udp port 9", User: 1234, NoProcess: true}
	var ends []func()
	var full error
	for {
		end, err := capturing(t, e, req)
		if errors.Is(err, fault.QuotaExceeded) {
			full = err
			break
		}
		if err != nil || len(ends) > 20 {
			t.Fatalf("capture %d: %v", len(ends), err)
		}
		ends = append(ends, end)
	}
	if len(ends) < 4 || !strings.Contains(full.Error(), "all captures of user 1234 may take 256 MiB") {
		t.Errorf("%d captures, then %v", len(ends), full)
	}
	for _, user := range []uint32{0, 1235} {
		other := req
		other.User = user
		if end, err := capturing(t, e, other); err != nil {
			t.Errorf("a capture of user %d: %v", user, err)
		} else {
			end()
		}
	}
	ends[0]()
	if _, err := capturing(t, e, req); err != nil {
		t.Errorf("after one of %d has ended: %v", len(ends), err)
	}
}

// TestMemoryOfOne: a single ring beyond the bound is refused, and so are captures that are too many
// however small they are.
func TestMemoryOfOne(t *testing.T) {
	e, self := bounded(t)
	req := engine.CaptureRequest{Targets: []string{self}, Interface: "lo", Filter: "udp port 9", User: 1234, NoProcess: true, RingSize: 2 << 30}
	if _, err := capturing(t, e, req); !errors.Is(err, fault.QuotaExceeded) || !strings.Contains(err.Error(), "240 are left, and this takes 2560") {
		t.Errorf("2 GiB: %v", err)
	}
	req.RingSize = 256 << 10
	for n := 0; ; n++ {
		_, err := capturing(t, e, req)
		if errors.Is(err, fault.QuotaExceeded) {
			break
		}
		if err != nil || n > 20 {
			t.Fatalf("small capture %d: %v", n, err)
		}
	}
}
