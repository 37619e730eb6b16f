package target

import (
	"strings"
	"testing"
)

// TestContainerIn: the names that runtimes give cgroups, and what only looks like one.
func TestContainerIn(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for text, want := range map[string]string{
		"12:pids:/docker/" + id + "\n11:cpu:/\n":                  id,
		"0::/system.slice/docker-" + id + ".scope\n":              id,
		"0::/docker/" + id + "/init.scope\n":                      id,
		"2:cpu:/\n1:name=systemd:/kubepods/besteffort/pod1/" + id: id,
		"0::/user.slice/user-1000.slice\n":                        "",
		"0::/docker/" + id[1:] + "\n":                             "",
		"0::/docker/" + strings.ToUpper(id) + "\n":                "",
		"0::/docker/x" + id + "\n":                                "",
		"":                                                        "",
	} {
		if got := containerIn([]byte(text)); got != want {
			t.Errorf("%q is in %q, want %q", text, got, want)
		}
	}
}
