package roster_test

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/applet/roster"
	"dlx/toolbox"
)

// TestTable: every tool of the default toolbox has a line that says what it is for, and no tool has
// two.
func TestTable(t *testing.T) {
	lines := map[string]int{}
	for _, tool := range roster.Tools() {
		if tool.Purpose == "" || tool.Does == "" {
			t.Errorf("%+v lacks something", tool)
		}
		for _, name := range tool.Names {
			lines[name]++
		}
	}
	for name, n := range lines {
		if n > 1 {
			t.Errorf("%s has %d lines", name, n)
		}
	}
	box, err := toolbox.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range box.Manifest().Files {
		if dir, name := path.Split(f.Path); dir == "bin/" && lines[name] == 0 {
			t.Errorf("%s has no line", name)
		}
	}
	for _, name := range roster.Names() {
		if lines[name] == 0 {
			t.Errorf("the applet %s has no line", name)
		}
	}
}

func TestPurposes(t *testing.T) {
	var got []string
	for _, tool := range roster.Tools() {
		if !slices.Contains(got, tool.Purpose) {
			got = append(got, tool.Purpose)
		}
	}
	want := []string{"processes", "network", "TLS", "files", "text", "tracing", "shell", "system"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("purposes (-want +got):\n%s", diff)
	}
}

func TestPrint(t *testing.T) {
	names := []string{"curl", "gdb", "ls", "netstat", "ss\x1b", "tls"}
	for word, want := range map[string]string{
		"netstat":      "network:\n  netstat                   list sockets, and the processes that use them\n",
		"tls":          "TLS:\n  tls                       what a server offers, its certificates and whether they are trusted; certificates in files\n",
		"gdb":          "of other toolboxes:\n  gdb\n",
		"ss\x1b":       "of other toolboxes:\n  ss\\x1b\n",
		"files":        "files:\n  ls                        list files\n",
		"certificates": "TLS:\n  tls                       what a server offers, its certificates and whether they are trusted; certificates in files\n",
		"nothing-such": "",
	} {
		var got bytes.Buffer
		found := roster.Print(&got, names, word)
		if diff := cmp.Diff(want, got.String()); diff != "" || found != (want != "") {
			t.Errorf("%q: found %v (-want +got):\n%s", word, found, diff)
		}
	}
	var all bytes.Buffer
	if !roster.Print(&all, names, "") || strings.Count(all.String(), ":\n") != 4 {
		t.Errorf("all: %s", &all)
	}
}
