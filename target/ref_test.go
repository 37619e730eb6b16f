package target_test

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/target"
)

func TestParseRef(t *testing.T) {
	good := map[string]target.Ref{
		"web":          {Name: "web"},
		"a_b.c-9":      {Name: "a_b.c-9"},
		"docker://web": {Scheme: "docker", Name: "web"},
		"pid://12":     {Scheme: "pid", Name: "12"},

		"containerd://k8s.io/0123": {Scheme: "containerd", Name: "k8s.io/0123"},
		"containerd://web":         {Scheme: "containerd", Name: "web"},
		"podman://1002/web":        {Scheme: "podman", Name: "1002/web"},
		"crio://shop_web":          {Scheme: "crio", Name: "shop_web"},
		"0123456789abcde":          {Name: "0123456789abcde"},

		"image://nginx":                    {Scheme: "image", Name: "nginx"},
		"image://docker://a.b:5/c/d:1@x:0": {Scheme: "image", Name: "docker://a.b:5/c/d:1@x:0"},
		"netns://blue":                     {Scheme: "netns", Name: "blue"},
		"netns:///run/netns/cni-01":        {Scheme: "netns", Name: "/run/netns/cni-01"},
	}
	for s, want := range good {
		got, err := target.ParseRef(s)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: error %v (-want +got):\n%s", s, err, diff)
		}
	}
	for _, s := range []string{"", "docker://", "://web", "lxc://a", "Docker://web", "a b://c", "a b", "../x", "a/b", "docker://a/b", "containerd://a/b/c", "containerd:///b", "containerd://a/", "podman://a/b", "podman://01/b", "podman://1/", "podman://1/b/c", "crio://a/b", "crio://", "cri://a", "a\x1b[2J", "pid://0", "pid://-1", "pid://x", "image://", "image:///a", "image://a//b", "image://a/../b", "image://.a", "image://a b", "image://a?b", "image://a%2fb", "image://pid://1", "image://image://a", "image://docker://", "netns://", "netns://a/b", "netns://..", "netns://.", "netns://../x", "netns:///", "netns:///a/../b", "netns:///a//b", "netns:///a/", "netns://a\x1b", "netns:///a\x00b", "pid://99999999999999999999", strings.Repeat("a", 300)} {
		if _, err := target.ParseRef(s); !errors.Is(err, fault.BadTarget) {
			t.Errorf("%.20q: error %v, want fault.BadTarget", s, err)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("docker://web")
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := target.ParseRef(s)
		if ref.Scheme == target.ImageScheme && !strings.ContainsAny(ref.Name, "?#%") && !strings.Contains("/"+ref.Name+"/", "/../") {
			ref.Name = "checked"
		}
		if ref.Scheme == target.NetNSScheme && path.IsAbs(ref.Name) {
			ref.Name = strings.ReplaceAll(path.Base(ref.Name), " ", "")
		}
		if err == nil && (ref.Name == "" || strings.ContainsAny(ref.Name, " \x00\x1b") || strings.Contains(ref.Name, "/") && !slices.Contains([]string{"containerd", "podman", "netns", "image"}, ref.Scheme)) {
			t.Errorf("%q gives %+v", s, ref)
		}
	})
}

func ExampleParseRef() {
	ref, err := target.ParseRef("docker://web")
	fmt.Println(ref.Scheme, ref.Name, err)
	// Output: docker web <nil>
}
