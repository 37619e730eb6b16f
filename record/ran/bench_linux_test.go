package ran_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"dlx/internal/cgroup"
	"dlx/record/audit"
	"dlx/record/ran"
)

// BenchmarkSession is what a session costs that is watched and starts nothing.
func BenchmarkSession(b *testing.B) {
	w := open(b)
	name := fmt.Sprintf("%sran-bench-%d", cgroup.Prefix, os.Getpid())
	devices, err := cgroup.DefaultDevices()
	if err != nil {
		b.Fatal(err)
	}
	defer devices.Close()
	group, err := cgroup.New(name, cgroup.Limits{Memory: 1 << 30, Pids: 10}, devices)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := group.Clean(b.Context()); err != nil {
			b.Error(err)
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		s, err := w.Watch(name, ran.Options{Write: func(audit.Ran) error { return nil }})
		if err != nil {
			b.Fatal(err)
		}
		s.End()
	}
}

// BenchmarkExec is what a program of the host's costs that is no session's, beside one that is not
// watched at all.
func BenchmarkExec(b *testing.B) {
	b.Run("alone", start)
	w, err := ran.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	b.Run("watched", start)
}

// start starts a program again and again.
func start(b *testing.B) {
	b.Helper()
	for b.Loop() {
		if err := exec.CommandContext(b.Context(), "/bin/true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
