package target_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/target"
)

// fake is a runtime that knows a list of containers, or fails.
type fake struct {
	target.Runtime // nothing else of it is asked
	scheme         string
	list           []target.Info
	events         chan target.Event
	err            error
	closed         bool
}

func newFake(scheme string, names ...string) *fake {
	f := &fake{scheme: scheme, events: make(chan target.Event)}
	for _, n := range names {
		f.list = append(f.list, target.Info{Runtime: scheme, ID: scheme + "-id-of-" + n, Name: n, State: target.Running})
	}
	return f
}

func (f *fake) Scheme() string { return f.scheme }

func (f *fake) Owner() int { return 0 }

func (f *fake) List(context.Context, target.Filter) ([]target.Info, error) { return f.list, f.err }

func (f *fake) Find(_ context.Context, name string) (hits []target.Info, err error) {
	for _, c := range f.list {
		if strings.HasPrefix(c.Name, name) || strings.HasPrefix(c.ID, name) {
			hits = append(hits, c)
		}
	}
	return hits, f.err
}

func (f *fake) Watch(ctx context.Context, _ target.Filter) (<-chan target.Event, error) {
	events := make(chan target.Event)
	go func() {
		defer close(events)
		for {
			select {
			case e, ok := <-f.events:
				if !ok {
					return
				}
				events <- e
			case <-ctx.Done():
				return
			}
		}
	}()
	return events, f.err
}

func (f *fake) Close() error {
	f.closed = true
	return f.err
}

// TestResolve: what a name means that several runtimes, or several containers, have.
func TestResolve(t *testing.T) {
	set := target.NewSet(newFake("docker", "web", "web-2", "db"), newFake("podman", "web", "cache", "web-20"))
	for text, want := range map[string]string{
		"db":                  "docker://docker-id-of-db",
		"cache":               "podman://podman-id-of-cache",
		"cac":                 "podman://podman-id-of-cache",
		"web-2":               "docker://docker-id-of-web-2", // the whole name of one, the beginning of another's
		"docker://web":        "docker://docker-id-of-web",
		"podman://web":        "podman://podman-id-of-web",
		"podman://web-":       "podman://podman-id-of-web-20",
		"podman-id-of-w":      `"podman-id-of-w" fits 2 containers: podman://podman-id-of-web (web), podman://podman-id-of-web-20 (web-20)`,
		"podman-id-of-web":    "podman://podman-id-of-web",
		"web":                 `"web" fits 2 containers: docker://docker-id-of-web (web), podman://podman-id-of-web (web)`,
		"docker://web-2 ":     `bad target "docker://web-2 ": names consist of letters, digits, '_', '.' and '-'`,
		"lxc://web":           `bad target "lxc://web": no such scheme "lxc"`,
		"docker://cache":      `no container "cache"`,
		"cachee":              `no container "cachee"`,
		"pid://4194304":       "no process 4194304",
		"pid://1 ":            `bad target "pid://1 ": not a process ID`,
		"docker-id-of-web-20": `no container "docker-id-of-web-20"`,
	} {
		c, err := set.Resolve(t.Context(), text)
		got := fmt.Sprint(err)
		if err == nil {
			got = c.Ref().String()
		}
		if got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	_, err := set.Resolve(t.Context(), "cachee")
	if !errors.Is(err, fault.NotFound) || cmp.Diff([]string{"cache"}, fault.Of(err).Detail) != "" {
		t.Errorf("not found: %#v, want cache as what may have been meant", err)
	}
}

// wholes is a fake with a quick answer to a very name, which counts how often it has to look at
// all.
type wholes struct {
	*fake
	looks int
}

func (w *wholes) FindWhole(_ context.Context, name string) (hits []target.Info, err error) {
	for _, c := range w.list {
		if c.Name == name || c.ID == name {
			hits = append(hits, c)
		}
	}
	return hits, w.err
}

func (w *wholes) Find(ctx context.Context, name string) ([]target.Info, error) {
	w.looks++
	return w.fake.Find(ctx, name)
}

// TestResolveWhole: a runtime that is slow to look at all is not asked to when somebody has the
// very name; what only begins so is still found there, and two of a name are still two.
func TestResolveWhole(t *testing.T) {
	slow := &wholes{fake: newFake("podman", "web-old", "db", "cart-1")}
	s := target.NewSet(newFake("docker", "web", "db"), slow)
	if c, err := s.Resolve(t.Context(), "web"); err != nil || c.Runtime != "docker" || slow.looks != 0 {
		t.Errorf("web: %+v, %v, %d looks", c, err, slow.looks)
	}
	if _, err := s.Resolve(t.Context(), "db"); !errors.Is(err, fault.Ambiguous) || slow.looks != 0 {
		t.Errorf("db: %v, %d looks, want fault.Ambiguous", err, slow.looks)
	}
	if c, err := s.Resolve(t.Context(), "cart"); err != nil || c.Name != "cart-1" || slow.looks != 1 {
		t.Errorf("cart: %+v, %v, %d looks", c, err, slow.looks)
	}
	if _, err := s.Resolve(t.Context(), "none"); !errors.Is(err, fault.NotFound) {
		t.Errorf("none: %v, want fault.NotFound", err)
	}
}

// TestResolveWithout: names of other runtimes are found while one runtime does not answer.
func TestResolveWithout(t *testing.T) {
	broken := newFake("podman")
	broken.err = errors.New("does not answer")
	set := target.NewSet(newFake("docker", "web"), broken)
	if c, err := set.Resolve(t.Context(), "web"); err != nil || c.Runtime != "docker" {
		t.Errorf("web: %v, %v", c, err)
	}
	if _, err := set.Resolve(t.Context(), "no-such"); !errors.Is(err, broken.err) {
		t.Errorf("a name that the other one may have: %v, want its error", err)
	}
	list, err := set.List(t.Context(), target.Filter{})
	if len(list) != 1 || !errors.Is(err, broken.err) {
		t.Errorf("the list is %v beside %v", list, err)
	}
	if err := set.Close(); !errors.Is(err, broken.err) || !broken.closed {
		t.Errorf("close: %v", err)
	}
}

// TestWatch: the events of all runtimes come in one stream, which ends with its context or with the
// last of them.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docker, podman := newFake("docker"), newFake("podman")
		set := target.NewSet(docker, podman)
		ctx, cancel := context.WithCancel(t.Context())
		events, err := set.Watch(ctx, target.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []*fake{podman, docker} {
			f.events <- target.Event{Ref: target.Ref{Scheme: f.scheme, Name: "1"}}
			if e := <-events; e.Ref.Scheme != f.scheme {
				t.Errorf("event %v, want one of %s", e, f.scheme)
			}
		}
		close(docker.events)
		close(podman.events)
		if e, ok := <-events; ok {
			t.Errorf("event %v after the last one", e)
		}
		cancel()

		ctx, cancel = context.WithCancel(t.Context())
		if events, err = set.WatchFor(ctx, &target.Info{Runtime: "pid", ID: "1"}); err != nil {
			t.Fatal(err)
		}
		if e, ok := <-events; ok {
			t.Errorf("process started: %v", e)
		}
		cancel()

		podman.err = errors.New("does not answer")
		docker.events = make(chan target.Event)
		if _, err = set.Watch(t.Context(), target.Filter{}); !errors.Is(err, podman.err) {
			t.Errorf("watch: %v, want podman's error", err)
		}
		synctest.Wait() // and nobody watches docker
	})
}

// usersFake is the runtime of a user.
type usersFake struct {
	*fake
	owner int
	asked int
	hangs bool
}

func (f *usersFake) Owner() int { return f.owner }

func (f *usersFake) List(ctx context.Context, _ target.Filter) ([]target.Info, error) {
	if f.hangs {
		<-ctx.Done()
	}
	return f.list, f.err
}

func (f *usersFake) Find(ctx context.Context, name string) (hits []target.Info, err error) {
	f.asked++
	if f.hangs {
		<-ctx.Done()
	}
	hits, err = f.fake.Find(ctx, name)
	for i := range hits {
		hits[i].Owner = f.owner
	}
	return hits, err
}

func (f *usersFake) Inspect(_ context.Context, id string) (*target.Info, error) {
	return &target.Info{Runtime: f.scheme, ID: id, Owner: f.owner}, nil
}

// TestResolveUsers: no user's runtime takes a name from a container of root's, nor delays it. The
// defence is that root's runtimes are asked first.
func TestResolveUsers(t *testing.T) {
	ann, bob := &usersFake{fake: newFake("podman", "web", "mine", "db-1"), owner: 1001}, &usersFake{fake: newFake("podman", "mine", "hers"), owner: 1002}
	set := target.NewSet(newFake("docker", "web", "db"), newFake("podman", "cache"), ann, bob)
	for text, want := range map[string]string{
		"web":                "docker://docker-id-of-web",
		"podman://cache":     "podman://podman-id-of-cache",
		"hers":               "podman://1002/podman-id-of-hers",
		"her":                "podman://1002/podman-id-of-hers",
		"podman://web":       "podman://1001/podman-id-of-web",
		"podman://1002/mine": "podman://1002/podman-id-of-mine",
		"podman://0/cache":   "podman://podman-id-of-cache",
		"podman://1001/hers": `no container "1001/hers"`,
		"podman://1003/mine": `bad target "podman://1003/mine": no such scheme "podman"`,
		"we":                 `"we" fits 2 containers: docker://docker-id-of-web (web), podman://1001/podman-id-of-web (web)`,
		"mine":               `"mine" fits 2 containers: podman://1001/podman-id-of-mine (mine), podman://1002/podman-id-of-mine (mine)`,
	} {
		c, err := set.Resolve(t.Context(), text)
		got := fmt.Sprint(err)
		if err == nil {
			got = c.Ref().String()
		}
		if got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	ann.asked = 0
	if _, err := set.Resolve(t.Context(), "db"); err != nil || ann.asked != 0 {
		t.Errorf("%v; a user's runtime was asked for a name of root's", err)
	}
	c, err := set.Resolve(t.Context(), "podman://1002/mine")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := set.Inspect(t.Context(), c); err != nil || again.Owner != 1002 {
		t.Errorf("another's runtime was asked about it: %+v, %v", again, err)
	}
	bob.err = errors.New("does not answer")
	if c, err := set.Resolve(t.Context(), "cache"); err != nil || c.Owner != 0 {
		t.Errorf("a user's runtime that does not answer: %v, %v", c, err)
	}
}

// TestOthersFail: another user's runtime that hangs, answers with errors, or labels and tells as it
// likes, neither fails nor delays what is done with one's own, but for a list's second. The defence
// is that nothing but names and lists is asked of it, and that its errors are none.
func TestOthersFail(t *testing.T) {
	lying := errors.New("nonsense")
	for name, ann := range map[string]*usersFake{
		"wrong":   {fake: newFake("podman", "hers", "other"), owner: 1001},
		"hanging": {fake: newFake("podman", "hers", "other"), owner: 1001, hangs: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				if !ann.hangs {
					ann.err = lying
				}
				roots := newFake("podman", "mine")
				set := target.NewSet(newFake("docker", "web"), roots, ann)
				if list, err := set.List(ctx, target.Filter{}); err != nil || len(list) < 2 {
					t.Errorf("list: %v, %v", list, err)
				}
				if c, err := set.Resolve(ctx, "we"); err != nil || c.Runtime != "docker" {
					t.Errorf("the beginning of a name: %v, %v", c, err)
				}
				if _, err := set.Resolve(ctx, "nosuch"); !errors.Is(err, fault.NotFound) {
					t.Errorf("a name that is not there: %v", err)
				}
				chosen, err := set.Chosen(ctx, target.Filter{})
				if err != nil || len(chosen) != 2 || chosen[0].Owner+chosen[1].Owner != 0 {
					t.Errorf("chosen: %v, %v", chosen, err)
				}
				told := func(what string, events <-chan target.Event, err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
					go func() { roots.events <- target.Event{Ref: target.Ref{Scheme: "podman", Name: "mine"}} }()
					if e := <-events; e.Err != nil || e.Ref.Name != "mine" {
						t.Errorf("%s: %+v", what, e)
					}
				}
				some, stop := context.WithCancel(ctx)
				events, err := set.Watch(some, target.Filter{})
				told("all", events, err)
				synctest.Wait()
				select {
				case ann.events <- target.Event{Err: lying}:
					t.Error("its starts are waited for")
				default:
				}
				stop()
				synctest.Wait()
				events, err = set.WatchFor(ctx, &roots.list[0])
				told("one", events, err)
				if !ann.hangs {
					if _, err := set.Resolve(ctx, "podman://1001/nosuch"); !errors.Is(err, lying) {
						t.Errorf("asked itself: %v, want its error", err)
					}
				}
				cancel()
			})
		})
	}
}
