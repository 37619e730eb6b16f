package docker

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"dlx/target"
)

func TestRemapRoot(t *testing.T) {
	for dir, want := range map[string][2]int64{
		"/var/lib/docker/100000.200000": {100000, 200000}, "/var/lib/docker": {-1, -1}, "/1.x": {-1, -1}, "/-1.2": {-1, -1}, "/1.2.3": {-1, -1}, "/99999999999.1": {-1, -1},
	} {
		uid, gid, err := remapRoot(dir)
		if err != nil {
			uid, gid = -1, -1
		}
		if want != [2]int64{uid, gid} {
			t.Errorf("%s: %d, %d, %v, want %v", dir, uid, gid, err, want)
		}
	}
}

func TestRanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "subuid")
	if err := os.WriteFile(file, []byte("a:1000:10\nb:100000:65536\na:5000:5\nb:300000:10\nhuge:400000:4294967295\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for first, want := range map[int64][]target.IDMap{
		1000:   {{Inside: 0, Outside: 1000, Count: 10}, {Inside: 10, Outside: 5000, Count: 5}},
		100000: {{Inside: 0, Outside: 100000, Count: 65536}, {Inside: 65536, Outside: 300000, Count: 10}},
		7:      nil, 400000: nil,
	} {
		got, err := ranges(file, first)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%d: %v (-want +got):\n%s", first, err, diff)
		}
	}
}

func TestStillOf(t *testing.T) {
	c := &container.InspectResponse{
		State:      &container.State{Status: "exited", ExitCode: 137, OOMKilled: true, FinishedAt: "2024-01-02T03:04:05.6Z"},
		HostConfig: &container.HostConfig{CapAdd: []string{"CHOWN"}, CapDrop: []string{"all"}, SecurityOpt: []string{"no-new-privileges:true"}},
	}
	still := stillOf(c)
	end := &target.End{Status: 137, OutOfMemory: true, Time: time.Date(2024, 1, 2, 3, 4, 5, 6e8, time.UTC)}
	if diff := cmp.Diff(end, still.End); diff != "" || cmp.Diff([]string{"CHOWN"}, still.Only) != "" || still.Without != nil || !still.NoNewPrivs {
		t.Errorf("%+v (-want +got):\n%s", still, diff)
	}
	c.State, c.HostConfig.CapDrop, c.HostConfig.SecurityOpt = &container.State{Status: "created", FinishedAt: "0001-01-01T00:00:00Z"}, []string{"NET_RAW"}, nil
	if still := stillOf(c); still.End != nil || still.Only != nil || cmp.Diff([]string{"NET_RAW"}, still.Without) != "" || still.NoNewPrivs {
		t.Errorf("%+v", still)
	}
	c.State.Error = "no such program"
	if still := stillOf(c); still.End == nil || still.End.Error == "" || !still.End.Time.IsZero() {
		t.Errorf("one that could not be started: %+v", still.End)
	}
}
