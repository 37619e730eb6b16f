package build

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDataOf(t *testing.T) {
	python := map[string]string{"PYTHONHOME": ".", "PYTHONSAFEPATH": "."}
	for name, want := range map[string]map[string]string{
		"libtinfo.so.6": {"TERMINFO_DIRS": "share/terminfo"}, "libncursesw.so.6": {"TERMINFO_DIRS": "share/terminfo"},
		"libpython3.11.so.1.0": python, "python3.13": python, "python3": nil, "libpython.so": nil, "python3.11-config": nil,
		"gdb": {"PYTHONPATH": "share/gdb/python"}, "vim.tiny": {"VIM": "share/vim"}, "vimdot": nil, "libc.so.6": nil,
	} {
		s, ok := dataOf(name)
		if diff := cmp.Diff(want, s.env); diff != "" || ok != (want != nil) {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if s, _ := dataOf("libpython3.11.so.1.0"); s.to != "lib/python3.11" || s.from[0] != "/usr/lib/python3.11" {
		t.Errorf("Python's library: from %q to %q", s.from, s.to)
	}
	for file, want := range map[string]bool{
		"os.py": true, "json/decoder.py": true, "lib-dynload/_json.so": true, "test/x.py": false, "json/__pycache__/a.pyc": false, "config-3.11-x/Makefile": false,
	} {
		if isPython(file) != want {
			t.Errorf("%s: %t", file, !want)
		}
	}
	if !isTerminal("x/xterm-256color") || isTerminal("x/xterm-1006") {
		t.Error("the choice of terminals")
	}
}
