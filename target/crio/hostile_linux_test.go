package crio_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/target"
	"dlx/target/internal/grpctest"
	"dlx/target/internal/grpcwire"
	"dlx/target/runtimetest"
)

// labels are entries of a map, more than are read.
func labels() (all [][]byte) {
	for i := range 2000 {
		all = append(all, grpctest.Message(string(binary.BigEndian.AppendUint32(nil, uint32(i))), "x"))
	}
	return all
}

// TestHostileNames: names that would steer a terminal, lead elsewhere or mean several are shown
// escaped, and can not be asked for.
func TestHostileNames(t *testing.T) {
	s := serve(t,
		told{id: "a", pod: "p", name: "short", state: running}, told{id: "..", pod: "p", name: "dots", state: running}, told{id: "", pod: "p", name: "none", state: running},
		told{id: "b\x1b[2J", pod: "p", name: "esc", state: running}, told{id: strings.ToUpper(id(10)), pod: "p", name: "upper", state: running},
		told{id: id(1), pod: "p\x1b]0;c\a", name: "web", state: running},
	)
	r := open(t, s.Socket)
	all, err := r.List(runtimetest.Bounded(t), target.Filter{PIDs: true})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range all {
		got[c.ID] = c.Name
		if c.PID != 0 {
			t.Errorf("%s has process %d", c.ID, c.PID)
		}
	}
	want := map[string]string{
		"a": "p_short", "..": "p_dots", "": "p_none", `b\x1b[2J`: "p_esc", strings.ToUpper(id(10)): "p_upper", id(1): `p\x1b]0;c\a_web`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, name := range []string{"a", "..", "p", "b", "p_short", "p_dots", "p_upper", "", "\x1b", `p\x1b]0;c\a_web`, strings.ToUpper(id(10))} {
		if hits, err := r.Find(runtimetest.Bounded(t), name); len(hits) > 0 || err != nil {
			t.Errorf("%q: %v, %v", name, runtimetest.IDs(hits), err)
		}
	}
	s.TakeAsked()
	for _, name := range []string{"a", "..", "", id(1)[:12], strings.ToUpper(id(10)), id(1) + "\r\nx: y", "k8s.io/" + id(1)} {
		if _, err := r.Inspect(runtimetest.Bounded(t), name); !errors.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := r.Rootfs(runtimetest.Bounded(t), &target.Info{ID: name}); !errors.Is(err, fault.NotFound) {
			t.Errorf("files of %q: %v", name, err)
		}
	}
	if asked := s.TakeAsked(); len(asked) > 0 {
		t.Errorf("asked %q", asked)
	}
}

// TestHostileAnswers: what is too much, or nothing that was asked for, is refused with a word.
func TestHostileAnswers(t *testing.T) {
	good := told{id: id(1), pod: "shop", name: "web", state: running, pid: 7, cgroup: "/crio/crio-" + id(1)}
	change := func(f func(*told)) [][]byte {
		c := good
		f(&c)
		return [][]byte{c.status(t)}
	}
	many := func(n int) []byte { return slices.Repeat(grpctest.Several(grpctest.Message("a")), n) }
	for name, tt := range map[string]struct {
		question string
		answer   [][]byte
		want     string
	}{
		"no messages":         {list, [][]byte{[]byte("\xff\xff\xff")}, "list containers: parse a message"},
		"a container":         {list, [][]byte{grpctest.Several([]byte("\xff\xff"))}, "it is not read: parse a message"},
		"containers":          {list, [][]byte{many(70000)}, "more than 65536"},
		"labels":              {list, [][]byte{grpctest.Several(grpctest.With(grpctest.Message("b"), 8, labels()...))}, `container "b": it is not read: more than 1024 labels`},
		"16 MiB":              {list, [][]byte{make([]byte, grpcwire.MaxMessage+1)}, "a message has 16777217 bytes"},
		"another's":           {statusOf, change(func(c *told) { c.id = id(2) }), "another one"},
		"none":                {statusOf, [][]byte{nil}, "another one"},
		"its labels":          {statusOf, [][]byte{grpctest.Message(grpctest.With(grpctest.Message(id(1)), 12, labels()...))}, "more than 1024 labels"},
		"JSON":                {statusOf, change(func(c *told) { c.info = "{nonsense" }), "invalid character"},
		"deep JSON":           {statusOf, change(func(c *told) { c.info = strings.Repeat("[", 1<<20) }), "exceeded max depth"},
		"another type":        {statusOf, change(func(c *told) { c.info = `{"pid":"7"}` }), "cannot unmarshal string"},
		"a large number":      {statusOf, change(func(c *told) { c.info = `{"pid":99999999999999999999}` }), "cannot unmarshal number"},
		"no process":          {statusOf, change(func(c *told) { c.pid = 0 }), "has process 0"},
		"a negative process":  {statusOf, change(func(c *told) { c.pid = -1 }), "has process -1"},
		"more than there are": {statusOf, change(func(c *told) { c.pid = 1<<22 + 1 }), "has process 4194305"},
		"no info":             {statusOf, [][]byte{grpctest.Message(grpctest.Message(id(1), nil, running))}, "tells nothing of the process"},
		"the root's cgroup":   {statusOf, change(func(c *told) { c.cgroup = "/" }), "is in cgroup"},
		"a pod's cgroup":      {statusOf, change(func(c *told) { c.cgroup = "/kubepods/poduid-1" }), "is in cgroup"},
		"no cgroup's path":    {statusOf, change(func(c *told) { c.cgroup = "/a/../crio-" + id(1) }), "is in cgroup"},
		"no version":          {version, [][]byte{grpctest.Message("0.1.0", "cri-o")}, "no version"},
		"sandboxes":           {sandboxes, [][]byte{grpctest.Several([]byte("\xff"))}, "sandbox of a pod: parse"},
	} {
		c := good
		if tt.question == sandboxes {
			c.state = exited
		}
		s := serve(t, c)
		s.Answers[tt.question] = tt.answer
		r := open(t, s.Socket)
		var err error
		switch tt.question {
		case list:
			_, err = r.List(runtimetest.Bounded(t), target.Filter{All: true})
		case version:
			_, err = r.Health(runtimetest.Bounded(t))
		default:
			_, err = r.Inspect(runtimetest.Bounded(t), id(1))
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 1000 {
			t.Errorf("%s: %.300v, want an error with %q", name, err, tt.want)
		}
	}
}

// TestHostileBeside: what can be read comes beside the error of what can not.
func TestHostileBeside(t *testing.T) {
	web := told{id: id(1), pod: "shop", name: "web", state: running}
	many := grpctest.With(grpctest.Message(id(2)), 8, labels()...)
	s := grpctest.Serve(t, map[string][][]byte{list: {append(grpctest.Several(many), listing(web)...)}})
	if all, err := open(t, s.Socket).List(runtimetest.Bounded(t), target.Filter{}); err == nil || cmp.Diff([]string{id(1)}, runtimetest.IDs(all)) != "" {
		t.Errorf("%v, %v", runtimetest.IDs(all), err)
	}
}

// TestHostileVersion: a version that would steer a terminal is escaped and short.
func TestHostileVersion(t *testing.T) {
	s := grpctest.Serve(t, map[string][][]byte{version: {grpctest.Message("0.1.0", "\x1b[2J", strings.Repeat("1", 1<<20))}})
	line, err := open(t, s.Socket).Health(runtimetest.Bounded(t))
	if err != nil || strings.Contains(line, "\x1b") || len(line) > 300 {
		t.Errorf("%.300q, %v", line, err)
	}
}

// TestLimit: each question has an end of its own, whatever its caller's patience is.
func TestLimit(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "silent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r := open(t, l.Addr().String())
	r.Limit(50 * time.Millisecond)
	ctx := context.WithoutCancel(t.Context())
	for what, ask := range map[string]func() error{
		"list":    func() error { _, err := r.List(ctx, target.Filter{}); return err },
		"find":    func() error { _, err := r.Find(ctx, "web"); return err },
		"inspect": func() error { _, err := r.Inspect(ctx, id(1)); return err },
		"rootfs":  func() error { _, err := r.Rootfs(ctx, &target.Info{ID: id(1)}); return err },
		"watch":   func() error { _, err := r.Watch(ctx, target.Filter{}); return err },
		"health":  func() error { _, err := r.Health(ctx); return err },
	} {
		if err := ask(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
