//go:build linux

package enginetest

import (
	"testing"
	"time"

	"dlx/capture/process"
	"dlx/engine"
	"dlx/internal/testutil"
)

// process checks that packets on loopback are their senders', which the file names once a flow.
func (s *suite) process(t *testing.T, e engine.Engine, c *testutil.Container) {
	req := engine.CaptureRequest{Targets: []string{c.ID}, Interface: "lo", Filter: "tcp port 80", Latency: time.Second}
	// A client is gone a millisecond after its first packet, and long before that is read. On a
	// busy machine it can be gone before anybody was told of the packet, but not every time.
	for tries := 10; ; tries-- {
		found := s.clients(t, e, c, req)
		t.Logf("%d of %d clients found", found, requests)
		if found > 0 {
			break
		}
		if tries == 0 {
			t.Fatal("no client was found")
		}
	}
	req.NoProcess = true
	run := startCapture(t, e, req)
	fetch(t, e, c)
	for i, p := range run.packets() {
		if p.Process != 0 || p.Comment != "" {
			t.Errorf("packet %d belongs to %d, %q, which was not wanted", i, p.Process, p.Comment)
		}
	}
}

const requests = 10

// clients makes requests, checks what the file says of the server, and returns for how many of them
// it knows the client.
func (s *suite) clients(t *testing.T, e engine.Engine, c *testutil.Container, req engine.CaptureRequest) int {
	run := startCapture(t, e, req)
	for range requests {
		fetch(t, e, c)
	}
	owners := map[uint32]process.Process{}
	flows := map[string]int{}
	for i, p := range run.packets() {
		if owner, named := process.ParseComment(p.Comment); named {
			owners[p.Process] = owner
			flows[owner.Command]++
		}
		if owner := owners[p.Process]; owner.PID != p.Process {
			t.Errorf("packet %d of process %d has the comment %q", i, p.Process, p.Comment)
		}
	}
	if flows["web"] < requests {
		t.Errorf("flows by process: %v, want at least %d of web", flows, requests)
	}
	for _, p := range owners {
		if p.Command == "web" && (p.Inner != 1 || int(p.PID) != c.PID) {
			t.Errorf("the server is %+v, want PID 1 in the container and %d on the host", p, c.PID)
		}
	}
	return flows["curl"]
}
