package podman

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/target"
	"dlx/target/runtimetest"
)

func TestCalled(t *testing.T) {
	var all []listed
	for _, c := range []struct{ id, name, pod, label, service string }{
		{"aa11", "web", "", "", ""},
		{"ab22", "web-2", "shop", "io.podman.compose.service", "front"},
		{"bb33", "ab-c", "shop", "com.docker.compose.service", "front"},
		{"cc44", "shop_web", "", "", ""},
		{"dd55", "fro", "", "com.docker.compose.service", "ab"},
		{"ee66", "shop-infra", "shop", "com.docker.compose.service", "front"},
	} {
		all = append(all, listed{target.Info{ID: c.id, Name: c.name, Labels: map[string]string{c.label: c.service}}, c.pod, c.name == "shop-infra"})
	}
	for name, want := range map[string][]string{
		"web": {"aa11"}, "web-": {"ab22"}, "we": {"aa11", "ab22"}, "ab2": {"ab22"}, "c": {"cc44"}, "x": nil,
		"front": {"ab22", "bb33"}, "fron": nil, "fro": {"dd55"}, // a service's whole name
		"shop_web-2": {"ab22"}, "shop_web": {"cc44"}, "shop": {"cc44", "ee66"}, "shop_": {"cc44"}, // a name is more than a pod's and its own
		"ab": {"ab22", "bb33", "dd55"},
	} {
		var got []string
		for _, c := range called(all, name) {
			got = append(got, c.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestStates: what has a process is listed, with its number, and what has none any more has none.
func TestStates(t *testing.T) {
	var list []string
	for i, state := range []string{"running", "paused", "stopping", "stopped", "exited", "created", "initialized", "bad state"} {
		list = append(list, fmt.Sprintf(`{"Id":%q,"Names":["n%d"],"State":%q,"Pid":7,"StartedAt":1}`, id(fmt.Sprint(i)), i, state))
	}
	list = append(list, fmt.Sprintf(`{"Id":%q,"Names":["pod-infra"],"State":"running","Pid":8,"IsInfra":true}`, id("f")))
	r := fake(t, map[string]http.HandlerFunc{"/containers/json": says("[" + strings.Join(list, ",") + "]")})
	for _, tt := range []struct {
		filter target.Filter
		want   []string
	}{
		{target.Filter{}, []string{"n0 running 7", "n1 paused 7", "n2 running 7"}},
		{target.Filter{ID: id("f")}, []string{"pod-infra running 8"}},
		{target.Filter{All: true}, []string{
			"n0 running 7", "n1 paused 7", "n2 running 7", "n3 exited 0", "n4 exited 0", "n5 created 0", "n6 created 0", "n7 bad state 0", "pod-infra running 8",
		}},
	} {
		infos, err := r.List(runtimetest.Bounded(t), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range infos {
			got = append(got, fmt.Sprint(c.Name, " ", c.State, " ", c.PID))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.filter, diff)
		}
	}
}

// TestCgroup: a path is a container's only if it says so.
func TestCgroup(t *testing.T) {
	a := id("a")
	for path, want := range map[string]bool{
		"": false, "/user.slice": false, "/libpod_parent/libpod-" + id("b"): false, "/x/libpod-conmon-" + a: false, "/x/" + a: false,
		"/libpod_parent/libpod-" + a: true, "/machine.slice/libpod-" + a + ".scope": true, "/x/libpod-payload-" + a: true, "/x/libpod-" + a + ".scope/container": true,
	} {
		if got := cgroupOf(path, a) == path; got != want && path != "" {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
