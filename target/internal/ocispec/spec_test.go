package ocispec_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/target"
	"dlx/target/internal/ocispec"
)

// TestCgroupPath: paths as /proc/PID/cgroup has them, and what is none.
func TestCgroupPath(t *testing.T) {
	for text, want := range map[string]string{
		"/dlx/web":                             "/dlx/web",
		"/kubepods/besteffort/pod1/0a":         "/kubepods/besteffort/pod1/0a",
		"kubepods-burstable-pod1.slice:cri:0a": "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-0a.scope",
		":nerdctl:0a":                          "/system.slice/nerdctl-0a.scope",
		"system.slice::0a":                     "/system.slice/0a.scope",
		"-.slice:a:0a":                         "/a-0a.scope",
		"user.slice:a:app.slice":               "/user.slice/app.slice",
		"":                                     "",
		"/":                                    "",
		"//a":                                  "",
		"/a/":                                  "",
		"/a/../b":                              "",
		"a/b":                                  "",
		"a:b":                                  "",
		"a.slice:b:":                           "",
		"a.slice:b:c:d":                        "",
		"a:b:c":                                "",
		"a--b.slice:c:d":                       "",
		"-a.slice:c:d":                         "",
		".slice:c:d":                           "",
		"a.slice:../..:d":                      "",
	} {
		if got := ocispec.CgroupPath(text); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

// TestSpecify: what a specification says of a container.
func TestSpecify(t *testing.T) {
	var s ocispec.Spec
	text := `{"process":{"env":["A=1"],"cwd":"/srv","user":{"uid":1,"gid":2}},"root":{"path":"rootfs"},"linux":{"cgroupsPath":"a.slice:crio:0a"}}`
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	var got target.Info
	s.Specify(&got)
	want := target.Info{Env: []string{"A=1"}, WorkingDir: "/srv", User: "1:2", Cgroup: "/a.slice/crio-0a.scope"}
	if diff := cmp.Diff(want, got); diff != "" || s.Root.Path != "rootfs" {
		t.Errorf("root %q (-want +got):\n%s", s.Root.Path, diff)
	}
}

// FuzzCgroupPath: any text is one path below the root, or none.
func FuzzCgroupPath(f *testing.F) {
	for _, text := range []string{"/a/b", "a-b.slice:c:d", ":c:d", "-.slice:a:0a", "a.slice::b.slice"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		switch got := ocispec.CgroupPath(text); {
		case got == "":
		case !target.CleanDir(got), got == "/", strings.HasSuffix(got, "/"):
			t.Errorf("%q is %q", text, got)
		}
	})
}
