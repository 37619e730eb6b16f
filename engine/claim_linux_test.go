package engine

import (
	"os/exec"
	"strconv"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/nsutil"
	"dlx/target"
)

// held takes hold of processes that do nothing, in the test's own network namespace.
func held(t *testing.T, n int) (list []*target.Target) {
	t.Helper()
	sleep, set := testutil.RequireTool(t, "sleep"), target.NewSet()
	for range n {
		cmd := exec.Command(sleep, "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		h, err := set.Take(t.Context(), "pid://"+strconv.Itoa(cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h)
	}
	return list
}

// TestClaim: targets of one namespace are one source. A target that comes when the last one has
// ended, and before that is seen to, is captured by a source of its own: the other one is given up.
func TestClaim(t *testing.T) {
	f := &followers{namespaces: map[nsutil.ID]*namespace{}, starts: map[start]bool{}, ended: map[target.Ref]time.Time{}}
	all := held(t, 3)
	n, add := f.claim(all[0])
	if same, again := f.claim(all[1]); !add || again || same != n {
		t.Errorf("the first target adds a namespace: %t, another one of it too: %t", add, again)
	}
	if next := f.another(n, all[0]); next != all[1] {
		t.Errorf("after the first one comes %v", next)
	}
	if next := f.another(n, all[1]); next != nil {
		t.Errorf("after the last one comes %v", next)
	}
	m, add := f.claim(all[2])
	if !add || m == n || f.running != 2 {
		t.Errorf("a later target adds a namespace: %t, as the one that is given up: %t, %d have followers", add, m == n, f.running)
	}
	for _, n := range []*namespace{n, m} {
		if err := f.forget(n); err != nil {
			t.Error(err)
		}
	}
	if len(f.namespaces) != 0 {
		t.Errorf("namespaces are left: %v", f.namespaces)
	}
}

// TestClaimBeside: a target comes to a namespace whose source is just being opened, and which is
// followed.
func TestClaimBeside(t *testing.T) {
	f := &followers{namespaces: map[nsutil.ID]*namespace{}, starts: map[start]bool{}, ended: map[target.Ref]time.Time{}}
	all := held(t, 2)
	n, _ := f.claim(all[0])
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.claim(all[1])
	}()
	if name := f.source(n, "").Name; name != all[0].Name && name != all[0].Name+"+"+all[1].Name {
		t.Errorf("the source is called %q", name)
	}
	<-done
	if err := f.forget(n); err != nil {
		t.Error(err)
	}
}
