package podman

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/target"
	"dlx/target/runtimetest"
)

// line is an event as Podman 4.3.1 sends it.
func line(kind, action, id string, at int64, attributes string) string {
	return fmt.Sprintf(`{"status":%[2]q,"id":%[3]q,"Type":%[1]q,"Action":%[2]q,"Actor":{"ID":%[3]q,"Attributes":{%[5]s}},"scope":"local","timeNano":%[4]d}`+"\n", kind, action, id, at, attributes)
}

// TestTold: starts of containers that the filter lets through are told of, and nothing else. What
// an event hides is asked for.
func TestTold(t *testing.T) {
	stream := strings.Join([]string{
		line("container", "start", id("a"), 1, `"app":"web","name":"a"`),
		line("container", "exec", id("a"), 2, `"app":"web","name":"a"`),
		line("container", "died", id("a"), 3, `"app":"web","name":"a"`),
		line("pod", "start", id("b"), 4, `"app":"web","name":"pod"`),
		line("container", "start", id("c"), 5, `"app":"web","podId":"p","name":"pod-infra"`),
		line("container", "start", id("d"), 6, `"app":"web","podId":"p","name":"d"`),
		line("container", "start", id("e"), 7, `"app":"db","name":"e"`),
		line("container", "start", id("f"), 8, `"app":"web","podId":"p","name":"gone"`),
	}, "")
	inspect := func(letter, app, more string) http.HandlerFunc {
		return says(fmt.Sprintf(`{"Id":%q,"Name":"x","Config":{"Labels":{"app":%q,"name":"label of %s"}}%s}`, id(letter), app, letter, more))
	}
	routes := map[string]http.HandlerFunc{
		"/containers/" + id("a") + "/json": inspect("a", "web", ""),
		"/containers/" + id("c") + "/json": inspect("c", "web", `,"IsInfra":true`),
		"/containers/" + id("d") + "/json": inspect("d", "web", ""),
		"/containers/" + id("e") + "/json": inspect("e", "db", ""),
		"/events": func(w http.ResponseWriter, req *http.Request) {
			_, _ = w.Write([]byte(stream))
			_ = http.NewResponseController(w).Flush()
			<-req.Context().Done()
		},
	}
	for _, tt := range []struct {
		filter target.Filter
		want   []string
	}{
		{target.Filter{}, []string{"a", "d", "e"}},
		{target.Filter{All: true}, []string{"a", "c", "d", "e", "f"}},
		{target.Filter{ID: id("c")}, []string{"c"}},
		{target.Filter{Labels: []string{"app=web"}}, []string{"a", "d"}},
		{target.Filter{Labels: []string{"app=web", "name"}}, []string{"a", "d"}},
		{target.Filter{Labels: []string{"name=label of d"}}, []string{"d"}},
		{target.Filter{Labels: []string{"name=label of a"}}, []string{"a"}},
		{target.Filter{Labels: []string{"name=a"}}, nil},
	} {
		r := fake(t, routes)
		events, err := r.Watch(runtimetest.Bounded(t), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range tt.want {
			e := <-events
			if e.Err != nil || e.Ref.Name == "" {
				t.Fatalf("%+v: event %v", tt.filter, e)
			}
			got = append(got, strings.TrimRight(e.Ref.Name, e.Ref.Name[:1])+e.Ref.Name[:1])
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for e := range events {
			t.Errorf("%+v: %v beside %v", tt.filter, e, tt.want)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.filter, diff)
		}
	}
}

// TestStreamEnds: a stream that ends is asked for again from its last event on. Podman's error ends
// the watch.
func TestStreamEnds(t *testing.T) {
	begun := time.Now()
	last := begun.Add(time.Hour).UTC()
	var asked []string
	r := fake(t, map[string]http.HandlerFunc{"/events": func(w http.ResponseWriter, req *http.Request) {
		asked = append(asked, req.URL.Query().Get("since"))
		if len(asked) == 1 {
			_, _ = w.Write([]byte(line("container", "start", id("a"), last.UnixNano(), "")))
			return
		}
		_, _ = w.Write([]byte(`{"cause":"no log","message":"no log\u001b","response":500}` + "\n"))
	}})
	events, err := r.Watch(runtimetest.Bounded(t), target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.Ref.Name != id("a") {
		t.Errorf("event %v", e)
	}
	if e := <-events; e.Err == nil || !strings.Contains(e.Err.Error(), `"no log\x1b"`) {
		t.Errorf("event %v, want Podman's error", e)
	}
	if e, more := <-events; more {
		t.Errorf("event %v after the last", e)
	}
	since, err := time.Parse(time.RFC3339Nano, asked[0])
	if err != nil || since.Before(begun.Truncate(0)) {
		t.Errorf("at first it is asked for what is since %v, %v", since, err)
	}
	if since, err := time.Parse(time.RFC3339Nano, asked[1]); err != nil || !since.Equal(last) {
		t.Errorf("then it is asked for what is since %v, %v, want %v", since, err, last)
	}
}

// TestLongLine: an event without an end is not kept.
func TestLongLine(t *testing.T) {
	sent := make(chan int, 1)
	r := fake(t, map[string]http.HandlerFunc{"/events": func(w http.ResponseWriter, _ *http.Request) {
		n := 0
		for n < 1<<30 {
			m, err := w.Write(make([]byte, 64<<10))
			if n += m; err != nil {
				break
			}
		}
		sent <- n
	}})
	events, err := r.Watch(runtimetest.Bounded(t), target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.Err == nil || !strings.Contains(e.Err.Error(), "too long") {
		t.Errorf("event %v, want an error", e)
	}
	if n := <-sent; n > 16<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

// TestLargeLabels: an image's labels are in its containers' events, and no image ends what others
// follow.
func TestLargeLabels(t *testing.T) {
	r := fake(t, map[string]http.HandlerFunc{"/events": func(w http.ResponseWriter, req *http.Request) {
		large := line("container", "start", id("a"), 1, strings.Repeat("x", 2*eventLimit))
		_, _ = io.WriteString(w, large+line("container", "start", id("b"), 2, ""))
		w.(http.Flusher).Flush()
		<-req.Context().Done()
	}})
	events, err := r.Watch(runtimetest.Bounded(t), target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.Err != nil || e.Ref.Name != id("b") {
		t.Errorf("event %v, want the start after the large one", e)
	}
}
