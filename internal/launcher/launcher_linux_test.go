package launcher_test

import (
	"slices"
	"testing"

	"dlx/internal/launcher"
)

func TestEnviron(t *testing.T) {
	file := string(launcher.Env(map[string]string{"PYTHONHOME": ".", "VIM": "share/vim", "TERMINFO_DIRS": "share/terminfo"}))
	got := launcher.Environ([]string{"A=1", "VIM=/mine", "PYTHONHOME2=x"}, "/box/libexec/x", file)
	want := []string{"A=1", "VIM=/mine", "PYTHONHOME2=x", "PYTHONHOME=/box/libexec/x", "TERMINFO_DIRS=/box/libexec/x/share/terminfo"}
	if !slices.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
	if got := launcher.Environ([]string{"A=1"}, "/box", ""); !slices.Equal(got, []string{"A=1"}) {
		t.Errorf("without a file: %q", got)
	}
}
