package docker

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/target"
)

func TestWithPrefix(t *testing.T) {
	infos := []target.Info{{ID: "aa11", Name: "web"}, {ID: "ab22", Name: "web-2"}, {ID: "bb33", Name: "ab-c"}}
	for prefix, want := range map[string][]string{"web": {"aa11"}, "web-": {"ab22"}, "we": {"aa11", "ab22"}, "ab": {"ab22", "bb33"}, "ab2": {"ab22"}, "c": nil} {
		var got []string
		for _, c := range withPrefix(infos, prefix) {
			got = append(got, c.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", prefix, diff)
		}
	}
}
