package naming_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/target/internal/naming"
)

// TestPlain: what can be asked for, and what would lead elsewhere.
func TestPlain(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "a-b_c.9": true, "": false, ".": false, "..": false, "-a": false, "_a": false, "a/b": false, "a\x1b": false, "a b": false, "ä": false,
		strings.Repeat("a", 256): true, strings.Repeat("a", 257): false,
	} {
		if naming.Plain(name) != want {
			t.Errorf("%q: %v, want %v", name, !want, want)
		}
	}
}

// TestKubernetes: names and places by labels, and of what lacks one.
func TestKubernetes(t *testing.T) {
	for _, tt := range []struct {
		labels      map[string]string
		name, place string
	}{
		{map[string]string{naming.LabelPod: "shop", naming.LabelPodUID: "u", naming.LabelContainer: "web"}, "shop_web", "u/web"},
		{map[string]string{naming.LabelPod: "shop", naming.LabelPodUID: "u"}, "", ""},
		{map[string]string{naming.LabelPod: "shop", naming.LabelContainer: "web"}, "shop_web", ""},
		{nil, "", ""},
	} {
		if name, place := naming.InPod(tt.labels), naming.Place(tt.labels); name != tt.name || place != tt.place {
			t.Errorf("%v: %q at %q, want %q at %q", tt.labels, name, place, tt.name, tt.place)
		}
	}
}

// TestMatching: names, IDs and their beginnings, and which of those in one place is meant.
func TestMatching(t *testing.T) {
	at := func(minute int) time.Time { return time.Unix(1700000000, 0).Add(time.Duration(minute) * time.Minute) }
	all := []naming.Candidate{
		{ID: "a", Name: "web"},
		{ID: "ab", Name: "web2"},
		{ID: "", Name: "evil"},
		{ID: "..", Name: "evil"},
		{ID: "esc", Name: "e\x1bvil"},
		{ID: "01", Name: "shop_web", Place: "u1/web", Created: at(0)},
		{ID: "02", Name: "shop_web", Place: "u1/web", Created: at(1), Live: true}, // live before latest
		{ID: "03", Name: "shop_web", Place: "u1/web", Created: at(2)},
		{ID: "11", Name: "shop_web", Place: "u2/web", Created: at(1)}, // latest
		{ID: "12", Name: "shop_web", Place: "u2/web", Created: at(0)},
	}
	for name, want := range map[string][]int{
		"a": {0}, "ab": {1}, "web": {0}, "we": {0, 1}, "evil": nil, "e": {4}, "..": nil, "e\x1bvil": nil,
		"shop_web": {6, 8}, "shop": {6, 8}, "03": {7}, "0": {5, 6, 7}, "x": nil,
	} {
		if got := naming.Matching(all, name); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
