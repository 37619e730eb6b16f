package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dlx/agent/policy"
	"dlx/fault"
	"dlx/internal/testutil"
)

// TestOwner: somebody else's file is none of root's.
func TestOwner(t *testing.T) {
	testutil.RequireRoot(t)
	s, name := newSource(t)
	if err := os.Chown(name, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); !errors.Is(err, fault.NotOwned) || rule(s) != "one" {
		t.Errorf("%v, %s holds", err, rule(s))
	}
}

// TestFIFO: what is no file is not waited for.
func TestFIFO(t *testing.T) {
	name := filepath.Join(t.TempDir(), "policy")
	if err := syscall.Mkfifo(name, 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := policy.Open(name)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a FIFO is a policy")
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for a writer")
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		t.Log(<-done)
	}
}
