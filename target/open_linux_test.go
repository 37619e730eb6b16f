package target_test

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"dlx/fault"
	"dlx/target"
)

// claims is a runtime that says of its one container whatever it likes.
type claims struct {
	*fake
}

func (c claims) Inspect(context.Context, string) (*target.Info, error) {
	info := c.list[0]
	return &info, nil
}

// TestVerifyCgroup: a process is a container's if it is in the cgroup that the runtime tells, and
// not by the time of its start: that is the process's own where the runtime tells none.
func TestVerifyCgroup(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	}()
	docker := newFake("docker", "web")
	docker.list[0].PID, docker.list[0].Started = cmd.Process.Pid, time.Now()
	set := target.NewSet(claims{docker})
	held, err := set.Open(t.Context(), "web")
	if err != nil {
		t.Fatalf("without a cgroup: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Error(err)
	}
	docker.list[0].Cgroup = "/no/such"
	if _, err := set.Open(t.Context(), "web"); !errors.Is(err, fault.Changed) {
		t.Errorf("in another cgroup: %v, want fault.Changed", err)
	}
	docker.list[0].Cgroup, docker.list[0].ID = "", "default/web"
	if _, err := set.Open(t.Context(), "web"); !errors.Is(err, fault.Changed) {
		t.Errorf("with nothing to know it by: %v, want fault.Changed", err)
	}
}
