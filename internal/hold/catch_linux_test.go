package hold_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"dlx/internal/hold"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// TestCatch: of the processes that a runtime makes for a container, the one that executes its
// program is caught, and stands there. When it is let go, it runs.
func TestCatch(t *testing.T) {
	testutil.RequireRoot(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), NoStart: true})
	catcher, err := hold.NewCatcher(func(cgroup []byte) bool { return strings.Contains(string(cgroup), c.ID) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := catcher.Close(); err != nil {
			t.Error(err)
		}
	}()
	started := make(chan struct{})
	go func() {
		defer close(started)
		c.Start()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := catcher.Next(ctx)
	<-started
	if err != nil {
		t.Fatal(err)
	}
	status, err := p.Status()
	if err != nil || p.PID() != c.PID || !strings.Contains(string(status), "State:\tt (tracing stop)") {
		t.Errorf("process %d, want %d; %v; %s", p.PID(), c.PID, err, status)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	testutil.Wait(t, "the program to run", time.Minute, func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID))
		return err == nil && strings.Contains(string(status), "State:\tS") && strings.Contains(string(status), "TracerPid:\t0\n")
	})
}
