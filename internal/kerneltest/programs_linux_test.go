//go:build kernel

package kerneltest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dlx/internal/cgroup"
	"dlx/internal/testutil"
	"dlx/record/audit"
	"dlx/record/ran"
)

// TestPrograms: the kernel tells of each program of a session, whatever it leaves behind to not be
// known, with its arguments, its user and its end.
func TestPrograms(t *testing.T) {
	w, err := ran.Open()
	check(t, err)
	defer func() { check(t, w.Close()) }()
	devices, err := cgroup.DefaultDevices()
	check(t, err)
	defer devices.Close()
	const name = cgroup.Prefix + "programs"
	group, err := cgroup.New(name, cgroup.Limits{Memory: 256 << 20, Pids: 100}, devices)
	check(t, err)
	var list []audit.Program
	ends := map[uint64]audit.Status{}
	write := func(r audit.Ran) error {
		list = append(list, r.Programs...)
		for _, p := range r.Programs {
			if p.Status != nil {
				ends[p.N] = *p.Status
			}
		}
		for _, e := range r.Ended {
			ends[e.N] = e.Status
		}
		return nil
	}
	s, err := w.Watch(name, ran.Options{Strict: true, Write: write, Fail: func(err error) { t.Error(err) }})
	check(t, err)
	script := `echo $$ >` + filepath.Join("/sys/fs/cgroup", name, "cgroup.procs") + `
exec /bin/busybox sh -c '
	/bin/busybox true "a b" ""
	/bin/busybox setsid /bin/busybox sh -c "echo \$\$ >/sys/fs/cgroup/cgroup.procs; /bin/busybox cat /dev/null; exit 3"
	/bin/busybox chroot / /bin/busybox sh -c "kill -9 \$\$"
	:'`
	res := testutil.Collect(t, exec.CommandContext(t.Context(), "/bin/busybox", "sh", "-c", script))
	if res.Code != 0 {
		t.Errorf("%+v", res)
	}
	check(t, group.Clean(t.Context()))
	sum := s.End()
	check(t, write(sum))
	var got []string
	for _, p := range list {
		args := strings.Join(p.Args, " ")
		got = append(got, args[:min(len(args), 25)])
		if p.Path != "/bin/busybox" || p.UID != 0 || p.Unread || p.Inode == 0 {
			t.Errorf("%+v", p)
		}
	}
	const want = 7
	if len(list) != want || sum.Started != want || sum.Lost+sum.LeftOut+sum.Missed > 0 || sum.Unknown != "" {
		t.Errorf("%d programs, want %d: %q, %+v", len(list), want, got, sum)
	}
	if exit := ends[4].Exit; exit == nil || *exit != 3 || ends[7].Signal != 9 {
		t.Errorf("%+v", ends)
	}
}
