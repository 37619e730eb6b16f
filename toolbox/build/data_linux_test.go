package build

import "testing"

func TestDataOf(t *testing.T) {
	for name, want := range map[string]string{
		"libtinfo.so.6": "TERMINFO_DIRS=share/terminfo", "libncursesw.so.6": "TERMINFO_DIRS=share/terminfo", "vim.tiny": "VIM=share/vim",
		"libpython3.11.so.1.0": "PYTHONHOME=.", "gdb": "PYTHONPATH=share/gdb/python", "libc.so.6": "", "vimdot": "", "libpython.so": "",
	} {
		s, ok := dataOf(name)
		got := s.env + "=" + s.value
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
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
