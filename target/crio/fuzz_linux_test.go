package crio

import (
	"strings"
	"testing"

	"dlx/internal/printable"
	"dlx/target"
	"dlx/target/internal/grpctest"
)

// FuzzAnswers: any bytes are a container, a sandbox and an event, or are refused. What can be
// asked for has an ID of CRI-O's.
func FuzzAnswers(f *testing.F) {
	label := grpctest.Message("io.kubernetes.container.name", "web")
	f.Add(grpctest.With(grpctest.Message(strings.Repeat("0a", 32), "sandbox", grpctest.Message("web", 1), grpctest.Message("image"), "ref", 1, 5), 8, label))
	f.Add(grpctest.With(grpctest.Message("sandbox", nil, 1), 5, grpctest.Message("io.kubernetes.pod.uid", "u")))
	f.Add(grpctest.Message("id", 1, 5))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := parseContainer(data); err == nil {
			info := c.info()
			if info.Name != printable.Escape(info.Name) || info.ID != printable.Escape(info.ID) {
				t.Errorf("%q is called %q", info.ID, info.Name)
			}
			_ = c.passes(target.Filter{Labels: []string{"app"}})
			for _, hit := range matching([]container{c}, c.id) {
				if !target.IsRandomID(hit.id) {
					t.Errorf("found by the ID %q", hit.id)
				}
			}
		}
		_, _ = parseSandbox(data, "u")
		_, _ = eventType(data)
	})
}

// FuzzStatus: any bytes, and any JSON in them, are what is told of a process with a number and a
// cgroup of the container's, or are refused.
func FuzzStatus(f *testing.F) {
	id := strings.Repeat("0a", 32)
	for _, info := range []string{
		`{"sandboxID":"s","pid":7,"runtimeSpec":{"process":{"env":["A=1"],"cwd":"/","user":{"uid":1,"gid":2}},"root":{"path":"/o/1/merged"},"linux":{"cgroupsPath":"/crio/crio-` + id + `"}},"privileged":false}`,
		`{"pid":7,"runtimeSpec":{"linux":{"cgroupsPath":"a-b.slice:crio:` + id + `"}}}`, `{}`,
	} {
		f.Add(grpctest.With(nil, 1, grpctest.Message(id, nil, 1, 5, 5)), info)
	}
	f.Fuzz(func(t *testing.T, data []byte, json string) {
		s, err := parseStatus(grpctest.With(data, 2, grpctest.Message("info", json)))
		if err != nil {
			return
		}
		info := s.info()
		switch err := s.specify(&info); {
		case err != nil:
		case info.State.Live() != (info.PID != 0), info.PID < 0, info.PID > maxPID:
			t.Errorf("%s with process %d", info.State, info.PID)
		case info.PID != 0 && (!target.CleanDir(info.Cgroup) || !strings.Contains(info.Cgroup, s.id)):
			t.Errorf("%q in cgroup %q", s.id, info.Cgroup)
		}
	})
}

// FuzzMountinfo: of any text there is the directory beside the merged one, or none.
func FuzzMountinfo(f *testing.F) {
	f.Add("36 35 0:42 / /o/1/merged rw - overlay none rw,lowerdir=/o/2/diff,upperdir=/o/1/diff,workdir=/o/1/work\n", "/o/1/merged")
	f.Add("36 35 0:42 / /o/1/merged rw shared:1 - overlay none rw,lowerdir=l/A,upperdir=1/diff,workdir=1/work\n", "/o/1/merged")
	f.Add("36 35 0:42 / /o\\0401/merged rw - tmpfs none rw\n", "/o 1/merged")
	f.Fuzz(func(t *testing.T, mountinfo, merged string) {
		if !target.CleanDir(merged) {
			return
		}
		if upper := upperOf(merged, mountinfo); upper != "" && upper != strings.TrimSuffix(merged, "merged")+"diff" {
			t.Errorf("%q beside %q", upper, merged)
		}
	})
}

// TestUpperOf: the layer that is mounted, by its whole path or by the end of it, and none of
// another mount, of one below another, and of what is not where containers/storage has it.
func TestUpperOf(t *testing.T) {
	line := func(at, kind, options string) string {
		return "36 35 0:42 / " + at + " rw,relatime shared:1 - " + kind + " none " + options + "\n"
	}
	whole := line("/o/1/merged", "overlay", "rw,lowerdir=/o/l/A:/o/l/B,upperdir=/o/1/diff,workdir=/o/1/work")
	for name, tt := range map[string]struct{ mountinfo, want string }{
		"whole":       {whole, "/o/1/diff"},
		"relative":    {line("/o/1/merged", "overlay", "rw,lowerdir=l/A,upperdir=1/diff,workdir=1/work"), "/o/1/diff"},
		"none":        {line("/o/2/merged", "overlay", "rw,upperdir=/o/1/diff"), ""},
		"another's":   {line("/o/1/merged", "overlay", "rw,upperdir=/o/2/diff"), ""},
		"no upper":    {line("/o/1/merged", "overlay", "ro,lowerdir=/o/l/A"), ""},
		"fuse":        {line("/o/1/merged", "fuse.fuse-overlayfs", "rw,upperdir=/o/1/diff"), ""},
		"on top":      {whole + line("/o/1/merged", "tmpfs", "rw"), ""},
		"below":       {line("/o/1/merged", "tmpfs", "rw") + whole, "/o/1/diff"},
		"not a mount": {"nonsense\n - \n\n", ""},
	} {
		if got := upperOf("/o/1/merged", tt.mountinfo); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if got := upperOf("/o/1/rootfs", line("/o/1/rootfs", "overlay", "rw,upperdir=/o/1/diff")); got != "" {
		t.Errorf("%q of what is not called merged", got)
	}
}
