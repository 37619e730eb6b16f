package docker

import "testing"

// TestChainOf: the chain's ID is the digest of the one below and of the layer, in their text.
func TestChainOf(t *testing.T) {
	const one, two = "sha256:0b", "sha256:0c"
	if got := chainOf([]string{one}); got != one {
		t.Errorf("of one layer: %s", got)
	}
	// printf 'sha256:0b sha256:0c' | sha256sum
	const both = "sha256:dc5c8953403455e6a895f13591f564fac23565c1a6bf6ef2e4f41eb071382b5d"
	if got := chainOf([]string{one, two}); got != both {
		t.Errorf("of two: %s, want %s", got, both)
	}
	// printf 'BOTH sha256:0b' | sha256sum
	if got, want := chainOf([]string{one, two, one}), "sha256:35311a45384b768f727f509b3f2c80d8ba9793591c0c7eea9e3490507d24f9ac"; got != want {
		t.Errorf("of three: %s, want %s", got, want)
	}
}
