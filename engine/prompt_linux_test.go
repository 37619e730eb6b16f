package engine_test

import (
	"testing"

	"dlx/engine"
)

// TestPromptName: what a shell would expand in a prompt, or a terminal would follow, stands for
// nothing there.
func TestPromptName(t *testing.T) {
	for name, want := range map[string]string{
		"web-1.shop_x": "web-1.shop_x", "pid://42": "pid://42", "$(reboot)`x`": "??reboot??x?", `\u\$`: "?u??", "a\x1b[2Jb\n": "a??2Jb?", "ü": "?",
	} {
		if got := engine.PromptName(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}
