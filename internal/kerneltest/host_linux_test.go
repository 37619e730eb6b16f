//go:build kernel

package kerneltest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dlx/internal/linux"
	"dlx/internal/testutil"
)

func command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), testutil.RequireTool(t, name), args...)
}

// TestCapture: a packet of the container's is seen, taken apart and printed.
func TestCapture(t *testing.T) {
	c := start(t, with("process.args", []string{"/web", "-addr", "127.0.0.1:80"}))
	log := filepath.Join(t.TempDir(), "log")
	out, err := os.Create(log)
	check(t, err)
	defer out.Close()
	said := func() string {
		text, err := os.ReadFile(log)
		check(t, err)
		return string(text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, testutil.BuildDlx(t), "capture", c.target(), "-i", "lo", "-n", "-A", "-c", "4", "--", "tcp dst port 80")
	cmd.Stdout, cmd.Stderr = out, out
	check(t, cmd.Start())
	testutil.Wait(t, "the capture", limit, func() bool { return strings.Contains(said(), "capturing in") })
	if res := debug(c, "wget -qO- http://127.0.0.1/"); res.Stdout != "hello from web\n" {
		t.Errorf("wget: %+v", res)
	}
	err = cmd.Wait()
	for _, want := range []string{"GET / HTTP/1.", "4 packets captured"} {
		if !strings.Contains(said(), want) {
			t.Errorf("capture: %v, no %q in\n%s", err, want, said())
		}
	}
}

// TestDoctor: it names what the kernel lacks, with the release that brought it.
func TestDoctor(t *testing.T) {
	res := dlx(t, "doctor")
	release, err := linux.Release()
	check(t, err)
	for _, want := range []string{"ok kernel " + release, "ok cgroups version 2", "ok pidfd_open there", "ok close_range there"} {
		if !strings.Contains(squeeze(res.Stdout), want) {
			t.Errorf("no %q in\n%s", want, res.Stdout)
		}
	}
	for line := range strings.Lines(squeeze(res.Stdout)) {
		missing := strings.Contains(line, " mount_setattr ") && !since(t, 5, 12)
		if got := !strings.HasPrefix(line, "ok "); got != missing && !strings.Contains(line, " docker ") {
			t.Errorf("missing: %v, want %v: %s", got, missing, line)
		}
		if missing && !strings.Contains(line, "5.12") {
			t.Errorf("no release in %s", line)
		}
	}
}

// squeeze makes one blank of each row of blanks in a line.
func squeeze(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return b.String()
}
