package target

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSimilar(t *testing.T) {
	names := []string{"web", "web-backend", "db", "cache", "job-1", "job-2", "job-3", "job-4", "job-5", "job-6", "weeb"}
	for ref, want := range map[string][]string{
		"wbe":          nil,
		"webb":         {"web", "weeb", "web-backend"},
		"web-frontend": nil,
		"web-back-end": {"web-backend"},
		"cahce":        {"cache"},
		"job-9":        {"job-1", "job-2", "job-3", "job-4", "job-5"},
		"WEEB2":        {"weeb", "web"},
		"no-such":      nil,
		"d":            nil,
		"x":            nil,
	} {
		if diff := cmp.Diff(want, similar(ref, names)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"ab", "ba", 2}} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
