package target_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/target"
)

// keeping is a fake that tells of what does not run.
type keeping struct {
	*fake
	dirs   []string
	images map[string][]target.Still
}

func newKeeping(scheme string, dirs ...string) *keeping {
	k := &keeping{newFake(scheme, "web", "web-2"), dirs, map[string][]target.Still{}}
	for i := range k.list {
		k.list[i].State = target.Exited
	}
	return k
}

func (k *keeping) image(name string) {
	k.images[name] = append(k.images[name], target.Still{Info: target.Info{Runtime: k.scheme, Name: name}, Dirs: k.dirs})
}

func (k *keeping) Still(_ context.Context, c *target.Info) (*target.Still, error) {
	return &target.Still{Info: *c, Dirs: k.dirs}, nil
}

func (k *keeping) Images(_ context.Context, name string) ([]target.Still, error) {
	return k.images[name], k.err
}

// TestStill: a container that does not run is found as others are, and nothing of this host is
// opened that is not a plain directory's path.
func TestStill(t *testing.T) {
	a := newKeeping("docker", "/a", "/b")
	a.list[1].State = target.Running
	set := target.NewSet(a, newFake("podman", "db"))
	still, err := set.Still(t.Context(), "docker://web")
	if err != nil || still.Name != "web" || cmp.Diff([]string{"/a", "/b"}, still.Dirs) != "" {
		t.Errorf("%+v, %v", still, err)
	}
	for name, want := range map[string]fault.Kind{
		"web-2": fault.Running, "db": fault.Running, "none": fault.NotFound, "pid://1": fault.WrongTarget, "netns://x": fault.WrongTarget,
		"image://x": fault.WrongTarget, "../x": fault.BadTarget,
	} {
		if _, err := set.Still(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for _, bad := range [][]string{nil, {"/a", "b"}, {"/a/../b"}, {""}, {"/a/"}} {
		a.dirs = bad
		if _, err := set.Still(t.Context(), "docker://web"); !errors.Is(err, fault.NoStill) {
			t.Errorf("directories %q: %v", bad, err)
		}
	}
}

// TestStillUntold: a runtime that tells of no files says so.
func TestStillUntold(t *testing.T) {
	f := newFake("podman", "db")
	f.list[0].State = target.Exited
	if _, err := target.NewSet(f).Still(t.Context(), "db"); !errors.Is(err, fault.NoStill) {
		t.Errorf("%v", err)
	}
}

// TestImage: an image is one runtime's, or which one's is to be said.
func TestImage(t *testing.T) {
	a, b := newKeeping("docker", "/a"), newKeeping("podman", "/b")
	a.image("both:1")
	b.image("both:1")
	b.image("mine:1")
	set := target.NewSet(a, b, newFake("containerd"))
	for name, want := range map[string]string{"image://mine:1": "podman", "image://docker://both:1": "docker", "image://podman://both:1": "podman"} {
		if still, err := set.Image(t.Context(), name); err != nil || still.Runtime != want {
			t.Errorf("%s: %+v, %v", name, still, err)
		}
	}
	for name, want := range map[string]fault.Kind{
		"image://none": fault.NoImage, "image://docker://mine:1": fault.NoImage, "image://containerd://mine:1": fault.NoImage, "image://both:1": fault.Ambiguous, "web": fault.BadTarget,
	} {
		if _, err := set.Image(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	_, err := set.Image(t.Context(), "image://both:1")
	if diff := cmp.Diff([]string{"image://docker://both:1", "image://podman://both:1"}, fault.Of(err).Detail); diff != "" {
		t.Errorf("what may be meant (-want +got):\n%s", diff)
	}
	a.err = errors.New("it does not answer")
	if still, err := set.Image(t.Context(), "image://mine:1"); err != nil || still.Runtime != "podman" {
		t.Errorf("while another one fails: %+v, %v", still, err)
	}
	if _, err := set.Image(t.Context(), "image://none"); !errors.Is(err, a.err) {
		t.Errorf("none while one fails: %v", err)
	}
}
