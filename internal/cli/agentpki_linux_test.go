package cli

import (
	"testing"
)

// TestPKIFolder: the default is the user's own.
func TestPKIFolder(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "/home/x/.config")
	for in, want := range map[string]string{"": "/home/x/.config/dlx/pki", "here": "here"} {
		if got, err := (&pkiOptions{dir: in}).folder(); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", "")
	if got, err := (&pkiOptions{}).folder(); err == nil {
		t.Errorf("without a home: %q", got)
	}
}
