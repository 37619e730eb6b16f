package attack_test

import (
	"testing"

	"github.com/moby/moby/api/types/container"

	"dlx/internal/testutil"
)

// TestLimits: the container's memory, processes and disk are used up. Sessions of it work all the
// same, and what is to be put into it is refused as a whole.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		on, script string
		change     func(*container.HostConfig)
		full       bool // its disk
	}{
		{"processes", "(while :; do busybox sleep 1000 & done) 2>/dev/null; echo ready; exec busybox sleep 1000", func(h *container.HostConfig) {
			limit := int64(30)
			h.PidsLimit = &limit
		}, false},
		{"memory", "echo ready; while :; do (busybox tail /dev/zero); done", func(h *container.HostConfig) {
			h.Memory, h.MemorySwap = 8<<20, 8<<20
		}, false},
		{"disk", "busybox dd if=/dev/zero of=/.dlx/x bs=1k count=1100; echo ready; busybox sleep 1000", func(h *container.HostConfig) {
			h.Tmpfs = map[string]string{"/.dlx": "size=1m"}
		}, true},
	} {
		t.Run(c.on, func(t *testing.T) {
			a := start(t, "the container's limits used up: "+c.on, "debug, ps, inject, eject")
			box := a.box(testutil.RunOptions{
				Image: testutil.Image(t, "limits", testutil.Busybox(t), testutil.Symlink("/bin/sh", "busybox")),
				Cmd:   []string{"/bin/sh", "-c", c.script}, Env: []string{"PATH=/bin"},
				Change: func(_ *container.Config, h *container.HostConfig) { c.change(h) },
			})
			a.begin()
			for a.more() && a.tries < 100 {
				a.tries++
				if r := a.run("debug", box.ID, "--", "sh", "-c", "echo $((6*7))"); r.Code != 0 || r.Stdout != "42\n" {
					t.Errorf("debug: %+v", r)
				}
				a.run("ps")
				a.run("inject", box.ID)
				if r := a.run("eject", "--all"); r.Code != 0 {
					t.Errorf("eject: %+v", r)
				}
			}
			a.clean()
		})
	}
}
