package cli

import (
	"slices"
	"testing"
)

// TestRuntimes: all are asked, unless the environment names some.
func TestRuntimes(t *testing.T) {
	for _, tt := range []struct {
		host, address string
		want          []string
	}{
		{"", "", []string{"docker", "containerd", "crio", "podman"}},
		{"unix:///x/docker.sock", "", []string{"docker"}},
		{"tcp://192.0.2.1:2375", "", []string{"docker"}},
		{"unix:///run/podman/podman.sock", "", []string{"podman"}},
		{"", "/x/containerd.sock", []string{"containerd"}},
		{"unix:///x/docker.sock", "unix:///x/containerd.sock", []string{"docker", "containerd"}},
	} {
		env := map[string]string{"DOCKER_HOST": tt.host, "CONTAINERD_ADDRESS": tt.address, "CONTAINER_RUNTIME_ENDPOINT": "unix:///x/crio.sock"}
		var got []string
		for _, r := range runtimes(func(name string) string { return env[name] }) {
			got = append(got, r.Scheme())
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		got = slices.Compact(got) // users of this machine may have a Podman each
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q, %q: %v, want %v", tt.host, tt.address, got, tt.want)
		}
	}
}
