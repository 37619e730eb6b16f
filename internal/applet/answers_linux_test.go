package applet_test

import (
	"slices"
	"strings"
	"testing"

	"dlx/internal/applet"
	"dlx/internal/applet/roster"
)

// literal are the applets for which an unknown option is text, or nothing, as for busybox's.
var literal = []string{"echo", "true", "false"}

// TestAnswers: every applet prints what it takes and its version. Of each flag it says what it
// does, or why it makes no difference.
func TestAnswers(t *testing.T) {
	for _, name := range applet.Names() {
		if slices.Contains(literal, name) {
			continue
		}
		help := run(t, "", name, "--help")
		if help.Code != 0 || !strings.HasPrefix(help.Stdout, "usage: "+name) || help.Stderr != "" {
			t.Errorf("%s --help: %+v", name, help)
		}
		for line := range strings.Lines(help.Stdout) {
			if strings.Contains(line, "accepted") || strings.Contains(line, "not supported") || strings.HasSuffix(line, "no difference\n") {
				t.Errorf("%s --help: %s", name, line)
			}
		}
		if got := run(t, "", name, "--version"); got.Code != 0 || got.Stdout != name+" (dlx devel)\n" || got.Stderr != "" {
			t.Errorf("%s --version: %+v", name, got)
		}
	}
}

// TestRefuses: no applet takes an option that it does not have.
// Each says where there is a program that has it.
func TestRefuses(t *testing.T) {
	for _, name := range applet.Names() {
		if slices.Contains(literal, name) {
			continue
		}
		const option = "--no-such-option"
		got := run(t, "", name, option, "qdisc")
		if got.Code != 2 || got.Stdout != "" || !strings.HasPrefix(got.Stderr, name+": unknown option "+option+"\nhint: ") {
			t.Errorf("%s %s: %+v", name, option, got)
		}
		if deb := roster.Deb(name); deb != "" && !strings.Contains(got.Stderr, "dlx toolbox build --deb "+deb) {
			t.Errorf("%s %s does not name %s: %q", name, option, deb, got.Stderr)
		}
	}
	for _, line := range []string{"curl -%", "dig +trace", "dig -%", "ps -%", "ip -c a", "ss -r", "tcpdump -K", "netstat -c", "fuser -v", "wget -c", "tls -k"} {
		words := strings.Fields(line)
		if got := run(t, "", words[0], words[1:]...); got.Code != 2 || !strings.Contains(got.Stderr, ": unknown option "+words[1]+"\n") {
			t.Errorf("%s: %+v", line, got)
		}
	}
}
