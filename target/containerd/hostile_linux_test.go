package containerd_test

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

// TestHostileNames: names that would steer a terminal, lead elsewhere or be another request are
// shown escaped, and can not be asked for.
func TestHostileNames(t *testing.T) {
	label := func(key, value string) []byte { return grpctest.Message(key, value) }
	named := strings.Repeat("c", 64) // as nerdctl's are
	f := grpctest.Serve(t, map[string][][]byte{
		"Namespaces/List": {grpctest.Several(grpctest.Message("dlx"), grpctest.Message(".."), grpctest.Message("a\x1b[2J\r\nx: y"), grpctest.Message("moby"))},
		"Tasks/List dlx":  {nil},
		"Containers/ListStream dlx": {
			grpctest.Several(grpctest.Message("a", nil, "image")), grpctest.Several(grpctest.Message("..", nil, "image")), grpctest.Several(grpctest.Message("x/../y", nil, "image")),
			grpctest.Several(grpctest.Message("b\x1b[2J", nil, "image")), grpctest.Several(grpctest.Message("", nil, "image")), grpctest.Several(grpctest.Message(named, label("nerdctl/name", "\x1b]0;c\a"), "image")),
		},
		"Containers/Get dlx": {grpctest.Several(grpctest.Message("a", nil, "image"))},
	})
	r := open(t, f.Socket)
	list, err := r.List(runtimetest.Bounded(t), target.Filter{All: true})
	if err == nil || !strings.Contains(err.Error(), `".." is no name`) || !strings.Contains(err.Error(), `\x1b[2J`) || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("namespaces without names: %v", err)
	}
	got := map[string]string{}
	for _, c := range list {
		got[c.ID] = c.Name
	}
	want := map[string]string{"dlx/a": "a", "dlx/..": "..", "dlx/x/../y": "x/../y", `dlx/b\x1b[2J`: `b\x1b[2J`, "dlx/": "", "dlx/" + named: `\x1b]0;c\a`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string][]string{"a": {"dlx/a"}, "..": nil, "x": nil, "b": nil, "": nil, "\x1b": nil, `b\x1b[2J`: nil, "dlx/..": nil} {
		if hits, _ := r.Find(runtimetest.Bounded(t), name); cmp.Diff(want, runtimetest.IDs(hits)) != "" {
			t.Errorf("%q: %v, want %v", name, runtimetest.IDs(hits), want)
		}
	}
	f.TakeAsked()
	for _, id := range []string{"dlx/..", "../a", "dlx/x/../y", `dlx/b\x1b[2J`, "dlx/", "a\r\nx: y/a"} {
		if _, err := r.Inspect(runtimetest.Bounded(t), id); !errors.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if asked := f.TakeAsked(); len(asked) > 0 {
		t.Errorf("asked %q", asked)
	}
	if _, err := r.Inspect(runtimetest.Bounded(t), "dlx/c"); err == nil || errors.Is(err, fault.NotFound) {
		t.Errorf("an answer about another container: %v", err)
	}
}

// TestHostileAnswers: what is too much, or nothing that was asked for, is refused with a word.
func TestHostileAnswers(t *testing.T) {
	many := func(n int, m []byte) []byte { return slices.Repeat(grpctest.Several(m), n) }
	spec := grpctest.Message("types.containerd.io/opencontainers/runtime-spec/1/Spec", "{nonsense")
	for name, tt := range map[string]struct {
		answers map[string][][]byte
		want    string
	}{
		"no messages":         {map[string][][]byte{"Namespaces/List": {[]byte("\xff\xff\xff")}}, "list namespaces: parse a message"},
		"namespaces":          {map[string][][]byte{"Namespaces/List": {many(2000, grpctest.Message("a"))}}, "more than 1024"},
		"tasks":               {map[string][][]byte{"Tasks/List dlx": {tasks(70000)}, "Containers/ListStream dlx": {grpctest.Several(grpctest.Message("a"))}}, "list tasks: more than 65536"},
		"containers":          {map[string][][]byte{"Tasks/List dlx": {nil}, "Containers/ListStream dlx": {many(70000, grpctest.Message("a"))}}, "more than 65536"},
		"labels":              {map[string][][]byte{"Tasks/List dlx": {nil}, "Containers/ListStream dlx": {grpctest.Several(labelled(2000), grpctest.Message("a"))}}, `container "b": more than 1024 labels`},
		"specification":       {map[string][][]byte{"Containers/Get dlx": {grpctest.Several(grpctest.Message("a", nil, nil, nil, spec))}}, "parse the specification"},
		"another's container": {map[string][][]byte{"Containers/Get dlx": {grpctest.Several(grpctest.Message("b"))}}, "another one"},
		"no container":        {map[string][][]byte{"Containers/Get dlx": {nil}}, "another one"},
	} {
		if tt.answers["Namespaces/List"] == nil {
			tt.answers["Namespaces/List"] = [][]byte{grpctest.Several(grpctest.Message("dlx"))}
		}
		f := grpctest.Serve(t, tt.answers)
		r := open(t, f.Socket)
		list, err := r.List(runtimetest.Bounded(t), target.Filter{All: true})
		if name == "labels" && cmp.Diff([]string{"dlx/a"}, runtimetest.IDs(list)) != "" {
			t.Errorf("beside one that can not be read: %v", runtimetest.IDs(list))
		}
		if tt.answers["Containers/Get dlx"] != nil {
			_, err = r.Inspect(runtimetest.Bounded(t), "dlx/a")
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 1000 {
			t.Errorf("%s: %.300v, want an error with %q", name, err, tt.want)
		}
	}
}

func tasks(n int) []byte {
	var m []byte
	for i := range n {
		m = append(m, grpctest.Several(grpctest.Message("", string(rune('a'+i%26))+string(binary.BigEndian.AppendUint32(nil, uint32(i)))))...)
	}
	return m
}

func labelled(n int) []byte {
	m := grpctest.Message("b")
	for i := range n {
		m = grpcwire.AppendBytes(m, 2, grpctest.Message(string(binary.BigEndian.AppendUint32(nil, uint32(i))), "x"))
	}
	return m
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
		"find ID": func() error { _, err := r.Find(ctx, "dlx/web"); return err },
		"inspect": func() error { _, err := r.Inspect(ctx, "dlx/web"); return err },
		"rootfs":  func() error { _, err := r.Rootfs(ctx, &target.Info{ID: "dlx/web"}); return err },
		"watch":   func() error { _, err := r.Watch(ctx, target.Filter{}); return err },
		"health":  func() error { _, err := r.Health(ctx); return err },
	} {
		if err := ask(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestHostileSizes: lists have a bound for all of them together.
func TestHostileSizes(t *testing.T) {
	large := grpctest.Several(grpctest.Message("a", nil, strings.Repeat("x", 1000)))
	f := grpctest.Serve(t, map[string][][]byte{"Tasks/List dlx": {nil}, "Containers/ListStream dlx": slices.Repeat([][]byte{large}, 5)})
	r := open(t, f.Socket)
	for room, want := range map[int]int{4000: 0, 6000: 5} {
		if n, err := r.EntriesWithin(runtimetest.Bounded(t), "dlx", room); n != want || (err == nil) != (n > 0) {
			t.Errorf("in %d bytes: %d containers, %v; want %d", room, n, err, want)
		}
	}
}

// TestHostileEvents: events of what has no name are not told; nonsense is the last one.
func TestHostileEvents(t *testing.T) {
	event := func(namespace, id string) []byte {
		return grpctest.Message(nil, namespace, "/tasks/start", grpctest.Message("containerd.events.TaskStart", grpctest.Message(id)))
	}
	exec := grpctest.Message(nil, "dlx", "/tasks/exec-started", grpctest.Message("containerd.events.TaskExecStarted", grpctest.Message("a")))
	f := grpctest.Serve(t, map[string][][]byte{
		"Events/Subscribe":   {event("..", "a"), event("dlx", ".."), event("dlx", "gone\x1b"), event("moby", "a"), exec, event("dlx", "a"), []byte("\xff\xff")},
		"Containers/Get dlx": {grpctest.Several(grpctest.Message("a"))},
		"Events/Publish dlx": {nil},
	})
	events, err := open(t, f.Socket).Watch(runtimetest.Bounded(t), target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.Err != nil || e.Ref.Name != "dlx/a" {
		t.Errorf("event %v, want the start of dlx/a", e)
	}
	if e := <-events; e.Err == nil {
		t.Errorf("event %v of nonsense", e)
	}
	if e, ok := <-events; ok {
		t.Errorf("event %v after the last", e)
	}
}

// TestSilentEvents: a server that takes a subscription and never answers it holds nobody up who has
// given up, and one that takes no events of dlx's own is said so.
func TestSilentEvents(t *testing.T) {
	silent := grpctest.Serve(t, map[string][][]byte{"Events/Publish dlx": {nil}})
	silent.Hangs = "Events/Subscribe"
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-silent.Hung
		cancel()
	}()
	if _, err := open(t, silent.Socket).Watch(ctx, target.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up: %v", err)
	}
	mute := grpctest.Serve(t, nil)
	mute.Hangs = silent.Hangs
	if _, err := open(t, mute.Socket).Watch(runtimetest.Bounded(t), target.Filter{}); err == nil || !strings.Contains(err.Error(), "gRPC status 5") {
		t.Errorf("no events of dlx's own: %v", err)
	}
}
