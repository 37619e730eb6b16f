package policy

import (
	"strings"
	"testing"
	"time"
)

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		sep        rune
		want       bool
	}{
		{"web", "web", unseparated, true}, {"web", "web2", unseparated, false}, {"web*", "web", unseparated, true},
		{"*", "", unseparated, true}, {"", "", unseparated, true}, {"", "a", unseparated, false}, {"?", "é", unseparated, true}, {"?", "", unseparated, false},
		{"a*c*e", "abcde", unseparated, true}, {"a*c*e", "abcdef", unseparated, false}, {"*.x", "a.x.x", unseparated, true},
		{"nginx:*", "nginx:1/2", unseparated, true}, {"*", "a*", unseparated, true}, {"a*", "a*b", unseparated, true},
		{"*.example.com", "a.example.com", '.', true}, {"*.example.com", "a.b.example.com", '.', false}, {"*.example.com", ".example.com", '.', true},
		{"/dev/*", "/dev/sda", '/', true}, {"/dev/*", "/dev/mapper/x", '/', false}, {"/dev/*/x", "/dev/mapper/x", '/', true}, {"/dev?sda", "/dev/sda", '/', false},
	} {
		if got := glob(tt.pattern, tt.s, tt.sep); got != tt.want {
			t.Errorf("glob(%q, %q, %q) = %t", tt.pattern, tt.s, tt.sep, got)
		}
	}
	begin := time.Now()
	if glob(strings.Repeat("*a", 500)+"b", strings.Repeat("a", 1<<10), unseparated) || time.Since(begin) > 10*time.Second {
		t.Errorf("took %s", time.Since(begin))
	}
}

// TestControlBytes: what looks like something else is matched by its whole name alone.
func TestControlBytes(t *testing.T) {
	for _, name := range []string{"web\x1b[2J", "web\u202e", "web\xff", "web\n", "web\x00"} {
		if matches("web*", name) || matches("*", name) || !matches(name, name) || !meets("web*", name) {
			t.Errorf("%q", name)
		}
	}
}
