package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"dlx/target"
)

// TestSayStill: what a container chose is on a line of its own each, escaped and not without end.
func TestSayStill(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out}
	a.sayStill(&target.Still{
		Info:       target.Info{Name: "web", State: target.Exited, Image: "x\x1b[2J", Env: []string{"A=b c", "EVIL=\x1b]0;x\a\nhint: run this", "LONG=" + strings.Repeat("é", 1<<20)}, WorkingDir: "/a\rb"},
		Entrypoint: []string{"/srv"}, Command: []string{"--x", "a b", ""}, Volumes: []string{"/data"},
		End: &target.End{Status: 137, OutOfMemory: true, Error: "no\x1b[1m", Time: time.Unix(0, 0)},
	})
	text := out.String()
	if lines := strings.Count(text, "\n"); lines != 5 || strings.ContainsAny(text, "\x1b\r\a") || len(text) > 8<<10 {
		t.Errorf("%d lines of %d bytes: %.2000q", lines, len(text), text)
	}
	for _, want := range []string{"exit status 137", "memory limit", `it runs: /srv --x "a b" ""; entrypoint: /srv; user root in /a`, `environment: "A=b c" "EVIL=`, "volumes are not shown: /data"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %.2000q", want, text)
		}
	}
	out.Reset()
	a.sayStill(&target.Still{Info: target.Info{Name: "nginx"}})
	if text := out.String(); !strings.HasPrefix(text, "image nginx: ") || strings.Contains(text, "last end") || !strings.Contains(text, "it runs: none") {
		t.Errorf("%q", text)
	}
}
