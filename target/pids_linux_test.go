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
		"2:cpu:/libpod_parent/libpod-" + id + "\n":                id,
		"0::/machine.slice/libpod-" + id + ".scope/container\n":   id,
		"0::/machine.slice/libpod-conmon-" + id + ".scope\n":      "",
		"0::/a.slice/cri-containerd-" + id + ".scope\n":           id,
		"0::/a.slice/crio-" + id + ".scope\n":                     id,
		"0::/a.slice/crio-conmon-" + id + ".scope\n":              "",
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

func TestWithin(t *testing.T) {
	for text, want := range map[string]bool{
		"12:pids:/default/a\n11:cpu:/\n": true,
		"0::/default/a/b\n":              true,
		"0::/default/ab\n":               false,
		"0::/x/default/a\n":              false,
		"0::/../../a\n":                  true,
		"0::/../../default/a\n":          true,
		"0::/../../b\n":                  false,
		"0::/..\n":                       false,
		"0::/\n":                         false,
		"/default/a\n":                   false,
		"1:name=a:/default/a":            true,
		"":                               false,
	} {
		if got := within([]byte(text), "/default/a"); got != want {
			t.Errorf("%q has it: %t, want %t", text, got, want)
		}
	}
}
