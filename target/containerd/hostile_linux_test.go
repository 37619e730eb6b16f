package containerd_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"dlx/fault"
	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// fake is a server that answers as it is told: the messages of a method in a namespace.
type fake struct {
	socket  string
	answers map[string][][]byte // "SERVICE/METHOD NAMESPACE"
	hangs   string              // what is never answered
	hung    chan struct{}       // that it was asked
	mu      sync.Mutex
	asked   []string
}

func newFake(t *testing.T, answers map[string][][]byte) *fake {
	t.Helper()
	f := &fake{socket: filepath.Join(t.TempDir(), "containerd.sock"), answers: answers, hung: make(chan struct{}, 1)}
	l, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f, Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return f
}

// ServeHTTP gives the status NotFound to what it has no answer to.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, method, _ := strings.Cut(r.URL.Path, ".v1.")
	question := strings.TrimSpace(method + " " + r.Header.Get("Containerd-Namespace"))
	f.mu.Lock()
	f.asked = append(f.asked, question)
	f.mu.Unlock()
	if question == f.hangs {
		f.hung <- struct{}{}
		<-r.Context().Done()
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	messages, known := f.answers[question]
	if !known {
		w.Header().Set("Grpc-Status", "5")
		return
	}
	for _, m := range messages {
		head := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m)))
		if _, err := w.Write(append(head, m...)); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}

// takeAsked is what was asked since it was asked last.
func (f *fake) takeAsked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// message has fields 1, 2 and so on: texts, other messages, and numbers.
func message(fields ...any) (m []byte) {
	for i, f := range fields {
		n := protowire.Number(i + 1)
		switch f := f.(type) {
		case string:
			m = grpcwire.AppendBytes(m, n, f)
		case []byte:
			m = grpcwire.AppendBytes(m, n, f)
		case int:
			m = protowire.AppendVarint(protowire.AppendTag(m, n, protowire.VarintType), uint64(f))
		}
	}
	return m
}

// several is field 1 several times.
func several(values ...[]byte) (m []byte) {
	for _, v := range values {
		m = grpcwire.AppendBytes(m, 1, v)
	}
	return m
}

// TestHostileNames: names that would steer a terminal, lead elsewhere or be another request are
// shown escaped, and can not be asked for.
func TestHostileNames(t *testing.T) {
	label := func(key, value string) []byte { return message(key, value) }
	named := strings.Repeat("c", 64) // as nerdctl's are
	f := newFake(t, map[string][][]byte{
		"Namespaces/List": {several(message("dlx"), message(".."), message("a\x1b[2J\r\nx: y"), message("moby"))},
		"Tasks/List dlx":  {nil},
		"Containers/ListStream dlx": {
			several(message("a", nil, "image")), several(message("..", nil, "image")), several(message("x/../y", nil, "image")),
			several(message("b\x1b[2J", nil, "image")), several(message("", nil, "image")), several(message(named, label("nerdctl/name", "\x1b]0;c\a"), "image")),
		},
		"Containers/Get dlx": {several(message("a", nil, "image"))},
	})
	r := open(t, f.socket)
	list, err := r.List(bounded(t), target.Filter{All: true})
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
		if hits, _ := r.Find(bounded(t), name); cmp.Diff(want, ids(hits)) != "" {
			t.Errorf("%q: %v, want %v", name, ids(hits), want)
		}
	}
	f.takeAsked()
	for _, id := range []string{"dlx/..", "../a", "dlx/x/../y", `dlx/b\x1b[2J`, "dlx/", "a\r\nx: y/a"} {
		if _, err := r.Inspect(bounded(t), id); !errors.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if asked := f.takeAsked(); len(asked) > 0 {
		t.Errorf("asked %q", asked)
	}
	if _, err := r.Inspect(bounded(t), "dlx/c"); err == nil || errors.Is(err, fault.NotFound) {
		t.Errorf("an answer about another container: %v", err)
	}
}

// TestHostileAnswers: what is too much, or nothing that was asked for, is refused with a word.
func TestHostileAnswers(t *testing.T) {
	many := func(n int, m []byte) []byte { return slices.Repeat(several(m), n) }
	spec := message("types.containerd.io/opencontainers/runtime-spec/1/Spec", "{nonsense")
	for name, tt := range map[string]struct {
		answers map[string][][]byte
		want    string
	}{
		"no messages":         {map[string][][]byte{"Namespaces/List": {[]byte("\xff\xff\xff")}}, "list namespaces: parse a message"},
		"namespaces":          {map[string][][]byte{"Namespaces/List": {many(2000, message("a"))}}, "more than 1024"},
		"tasks":               {map[string][][]byte{"Tasks/List dlx": {tasks(70000)}, "Containers/ListStream dlx": {several(message("a"))}}, "list tasks: more than 65536"},
		"containers":          {map[string][][]byte{"Tasks/List dlx": {nil}, "Containers/ListStream dlx": {many(70000, message("a"))}}, "more than 65536"},
		"labels":              {map[string][][]byte{"Tasks/List dlx": {nil}, "Containers/ListStream dlx": {several(labelled(2000), message("a"))}}, `container "b": more than 1024 labels`},
		"specification":       {map[string][][]byte{"Containers/Get dlx": {several(message("a", nil, nil, nil, spec))}}, "parse the specification"},
		"another's container": {map[string][][]byte{"Containers/Get dlx": {several(message("b"))}}, "another one"},
		"no container":        {map[string][][]byte{"Containers/Get dlx": {nil}}, "another one"},
	} {
		if tt.answers["Namespaces/List"] == nil {
			tt.answers["Namespaces/List"] = [][]byte{several(message("dlx"))}
		}
		f := newFake(t, tt.answers)
		r := open(t, f.socket)
		list, err := r.List(bounded(t), target.Filter{All: true})
		if name == "labels" && cmp.Diff([]string{"dlx/a"}, ids(list)) != "" {
			t.Errorf("beside one that can not be read: %v", ids(list))
		}
		if tt.answers["Containers/Get dlx"] != nil {
			_, err = r.Inspect(bounded(t), "dlx/a")
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 1000 {
			t.Errorf("%s: %.300v, want an error with %q", name, err, tt.want)
		}
	}
}

func tasks(n int) []byte {
	var m []byte
	for i := range n {
		m = append(m, several(message("", string(rune('a'+i%26))+string(binary.BigEndian.AppendUint32(nil, uint32(i)))))...)
	}
	return m
}

func labelled(n int) []byte {
	m := message("b")
	for i := range n {
		m = grpcwire.AppendBytes(m, 2, message(string(binary.BigEndian.AppendUint32(nil, uint32(i))), "x"))
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
	large := several(message("a", nil, strings.Repeat("x", 1000)))
	f := newFake(t, map[string][][]byte{"Tasks/List dlx": {nil}, "Containers/ListStream dlx": slices.Repeat([][]byte{large}, 5)})
	r := open(t, f.socket)
	for room, want := range map[int]int{4000: 0, 6000: 5} {
		if n, err := r.EntriesWithin(bounded(t), "dlx", room); n != want || (err == nil) != (n > 0) {
			t.Errorf("in %d bytes: %d containers, %v; want %d", room, n, err, want)
		}
	}
}

// TestHostileEvents: events of what has no name are not told; nonsense is the last one.
func TestHostileEvents(t *testing.T) {
	event := func(namespace, id string) []byte {
		return message(nil, namespace, "/tasks/start", message("containerd.events.TaskStart", message(id)))
	}
	exec := message(nil, "dlx", "/tasks/exec-started", message("containerd.events.TaskExecStarted", message("a")))
	f := newFake(t, map[string][][]byte{
		"Events/Subscribe":   {event("..", "a"), event("dlx", ".."), event("dlx", "gone\x1b"), event("moby", "a"), exec, event("dlx", "a"), []byte("\xff\xff")},
		"Containers/Get dlx": {several(message("a"))},
		"Events/Publish dlx": {nil},
	})
	events, err := open(t, f.socket).Watch(bounded(t), target.Filter{})
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
	silent := newFake(t, map[string][][]byte{"Events/Publish dlx": {nil}})
	silent.hangs = "Events/Subscribe"
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-silent.hung
		cancel()
	}()
	if _, err := open(t, silent.socket).Watch(ctx, target.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up: %v", err)
	}
	mute := newFake(t, nil)
	mute.hangs = silent.hangs
	if _, err := open(t, mute.socket).Watch(bounded(t), target.Filter{}); err == nil || !strings.Contains(err.Error(), "gRPC status 5") {
		t.Errorf("no events of dlx's own: %v", err)
	}
}
