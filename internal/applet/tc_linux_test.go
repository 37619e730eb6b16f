package applet_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"dlx/internal/applet"
	"dlx/internal/testutil"
)

// TestQueues sets, changes and removes a queue in a container's network, as a person would.
func TestQueues(t *testing.T) {
	testutil.RequireRoot(t)
	docker := testutil.RequireDocker(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "queues", testutil.Prog(t, "pause")), NetworkMode: "none"})
	const script = `tc qdisc add dev lo root tbf rate 10mbit burst 32kb latency 50ms && tc qdisc show dev lo &&
		tc qdisc change dev lo root tbf rate 1mbit burst 32kb limit 64kb && tc -s qdisc show dev lo root && tc qdisc del dev lo root && tc qdisc show dev lo`
	cmd := exec.Command(testutil.BuildDlx(t), "debug", "-i=false", "--profile", "netadmin", c.Name, "--", "sh", "-c", script)
	cmd.Env = docker.Env(cmd.Environ())
	got := testutil.Collect(t, cmd)
	for _, part := range []string{": dev lo root refcnt 2 rate 10Mbit burst 327", " rate 1Mbit burst ", " limit 65536b\n Sent 0 bytes", "\nqdisc noqueue 0: dev lo root"} {
		if !strings.Contains(got.Stdout, part) {
			t.Errorf("no %q in status %d, %q, %q", part, got.Code, got.Stdout, got.Stderr)
		}
	}
}

func TestNetem(t *testing.T) {
	attrs := func(a netlink.NetemQdiscAttrs) *netlink.Netem { return netlink.NewNetem(netlink.QdiscAttrs{}, a) }
	for words, want := range map[string]*netlink.Netem{
		"delay 100ms":                           attrs(netlink.NetemQdiscAttrs{Limit: 1000, Latency: 100000}),
		"delay 1.5s 10ms 25% loss 1% 5%":        attrs(netlink.NetemQdiscAttrs{Limit: 1000, Latency: 1500000, Jitter: 10000, DelayCorr: 25, Loss: 1, LossCorr: 5}),
		"loss random 0.5% rate 1mbit limit 9":   attrs(netlink.NetemQdiscAttrs{Limit: 9, Loss: 0.5, Rate64: 125000}),
		"delay 100 reorder 25% 50% duplicate 1": attrs(netlink.NetemQdiscAttrs{Limit: 1000, Latency: 100, ReorderProb: 25, ReorderCorr: 50, Gap: 1, Duplicate: 1}),
		"corrupt 0.1% delay 5msec":              attrs(netlink.NetemQdiscAttrs{Limit: 1000, CorruptProb: 0.1, Latency: 5000}),
	} {
		got, err := applet.ParseNetem(strings.Fields(words)...)
		if err != nil {
			t.Errorf("%s: %v", words, err)
			continue
		}
		if diff := cmp.Diff(netlink.Qdisc(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", words, diff)
		}
	}
	for _, words := range []string{"delay", "delay fast", "loss 101%", "loss -1%", "loss state 1%", "slot 1ms", "reorder 5%", "rate 1parsec", "limit -1", "delay 2h"} {
		if got, err := applet.ParseNetem(strings.Fields(words)...); err == nil {
			t.Errorf("%s: %+v", words, got)
		}
	}
}
