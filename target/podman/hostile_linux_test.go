package podman

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlx/fault"
	"dlx/target"
	"dlx/target/runtimetest"
)

// head is that of an answer of Podman's.
const head = "HTTP/1.1 200 OK\r\nLibpod-Api-Version: 4.3.1\r\nConnection: close\r\n"

// hostile serves connections by f, and counts what is written.
func hostile(t *testing.T, f func(w io.Writer)) (*Runtime, *atomic.Int64) {
	t.Helper()
	l := listen(t)
	var written atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buf := make([]byte, 4096)
				if _, err := conn.Read(buf); err == nil {
					f(counter{conn, &written})
				}
			}()
		}
	}()
	return open(t, Options{Socket: l.Addr().String(), Owner: os.Geteuid()}), &written
}

type counter struct {
	net.Conn
	n *atomic.Int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// endless writes a text again and again, up to 1 GB.
func endless(w io.Writer, begin, text string) {
	if _, err := io.WriteString(w, begin); err != nil {
		return
	}
	part := strings.Repeat(text, 1+(64<<10)/len(text))
	for range (1 << 30) / len(part) {
		if _, err := io.WriteString(w, part); err != nil {
			return
		}
	}
}

// questions are all that read an answer.
func questions(ctx context.Context, r *Runtime) map[string]error {
	errs := map[string]error{}
	_, errs["list"] = r.List(ctx, target.Filter{})
	_, errs["find"] = r.Find(ctx, "web")
	_, errs["inspect"] = r.Inspect(ctx, id("a"))
	_, errs["health"] = r.Health(ctx)
	events, err := r.Watch(ctx, target.Filter{})
	if err == nil {
		err = (<-events).Err
	}
	errs["watch"] = err
	return errs
}

// TestHostile: whatever answers, each question ends with a word, and without much being read.
func TestHostile(t *testing.T) {
	const most = 1 << 20
	for _, tt := range []struct {
		name   string
		serve  func(w io.Writer)
		health bool // has an answer: it is in the head
		want   string
	}{
		{"nothing", func(io.Writer) {}, false, "EOF"},
		{"nonsense", func(w io.Writer) { _, _ = io.WriteString(w, "nonsense\r\n\r\n") }, false, "malformed HTTP"},
		{"another runtime", func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\n[]")
		}, false, "is not Podman"},
		{"a version that is none", func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nLibpod-Api-Version: <4>\r\nContent-Length: 2\r\n\r\n[]")
		}, false, "is not Podman"},
		{"another status", func(w io.Writer) {
			_, _ = io.WriteString(w, strings.Replace(head, "200 OK", "503 No", 1)+"\r\n{\"message\":\"not now\\u001b\"}")
		}, false, `podman answers 503: "not now\x1b"`},
		{"another place", func(w io.Writer) {
			_, _ = io.WriteString(w, strings.Replace(head, "200 OK", "302 Found", 1)+"Location: http://podman/\r\n\r\n")
		}, false, "podman answers 302"},
		{"a head without an end", func(w io.Writer) { endless(w, head, "X-Y: "+strings.Repeat("z", 1000)+"\r\n") }, false, "exceeded 65536 bytes"},
		{"JSON without an end", func(w io.Writer) { endless(w, head+"\r\n[{\"Image\":\"", "zzzzzzzz") }, false, "too long"},
		{"spaces without an end", func(w io.Writer) { endless(w, head+"\r\n", "        ") }, false, "too long"},
		{"containers without an end", func(w io.Writer) { endless(w, head+"\r\n[{}", ",{}") }, false, "too long"},
		{"too many containers", func(w io.Writer) { _, _ = io.WriteString(w, head+"\r\n[{}"+strings.Repeat(",{}", maxContainers)+"]") }, false, "more than 65536 containers"},
		{"half of an answer", func(w io.Writer) { _, _ = io.WriteString(w, head+"\r\n[{\"Id\":\"") }, true, "unexpected EOF"},
		{"another kind of JSON", func(w io.Writer) { _, _ = io.WriteString(w, head+"\r\n\"web\"\n") }, true, "web"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, written := hostile(t, tt.serve)
			r.most = most
			for what, err := range questions(runtimetest.Bounded(t), r) {
				switch {
				case (err == nil) != (tt.health && what == "health"):
					t.Errorf("%s: %v", what, err)
				case what == "list" && !strings.Contains(err.Error(), tt.want):
					t.Errorf("list: %v, want it to say %q", err, tt.want)
				}
			}
			if n := written.Load(); n > 16*most { // of five questions, and what is in buffers
				t.Errorf("%d bytes were taken", n)
			}
		})
	}
}

// TestSlow: an answer that does not come, or not to its end, is not waited for.
func TestSlow(t *testing.T) {
	for name, begin := range map[string]string{"no answer": "", "half of a head": head, "half of a list": head + "\r\n["} {
		t.Run(name, func(t *testing.T) {
			end := make(chan struct{})
			defer close(end)
			r, _ := hostile(t, func(w io.Writer) {
				_, _ = io.WriteString(w, begin)
				<-end
			})
			r.limit = 100 * time.Millisecond
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Second) // which is not what ends the questions
			defer stop()
			if _, err := r.List(ctx, target.Filter{}); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
				t.Errorf("list: %v, want the end of its time", err)
			}
			if begin == head+"\r\n[" { // a stream may be silent
				return
			}
			if _, err := r.Watch(ctx, target.Filter{}); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
				t.Errorf("watch: %v, want the end of its time", err)
			}
		})
	}
}

// TestImplausible: what Podman does not say of a container is refused, and shown as text.
func TestImplausible(t *testing.T) {
	for _, tt := range []struct{ id, name, state, pid, dir, want string }{
		{id("a"), "web", "running", "1", "/x", ""},
		{"a", "web", "running", "1", "/x", `the ID "a"`},
		{"..", "web", "running", "1", "/x", `the ID ".."`},
		{"", "web", "running", "1", "/x", `the ID ""`},
		{id("/"), "web", "running", "1", "/x", `the ID "//`},
		{id("A"), "web", "running", "1", "/x", `the ID "AA`},
		{id("a"), `web\u001b[2J`, "running", "1", "/x", `the name "web\x1b[2J"`},
		{id("a"), "", "running", "1", "/x", `the name ""`},
		{id("a"), "../web", "running", "1", "/x", `the name "../web"`},
		{id("a"), strings.Repeat("w", maxName+1), "running", "1", "/x", `the name "ww`},
		{id("a"), "web", `run\u001bning`, "1", "/x", `the state "run\x1bning"`},
		{id("a"), "web", strings.Repeat("r", maxState+1), "1", "/x", `the state "rr`},
		{id("a"), "web", "running", "-1", "/x", "process -1"},
		{id("a"), "web", "running", "4194305", "/x", "process 4194305"},
		{id("a"), "web", "running", `"1"`, "/x", "cannot unmarshal"},
		{id("a"), "web", "running", "1", "x", `the directory "x"`},
		{id("a"), "web", "running", "1", "/x/../etc", `the directory "/x/../etc"`},
	} {
		list := fmt.Sprintf(`[{"Id":%q,"Names":["%s"],"State":"%s","Pid":%s}]`, tt.id, tt.name, tt.state, tt.pid)
		one := fmt.Sprintf(`{"Id":%q,"Name":"%s","State":{"Status":"%s","Pid":%s},"GraphDriver":{"Data":{"UpperDir":%q}}}`, tt.id, tt.name, tt.state, tt.pid, tt.dir)
		r := fake(t, map[string]http.HandlerFunc{"/containers/json": says(list), "/containers/" + id("a") + "/json": says(one)})
		_, ierr := r.Inspect(runtimetest.Bounded(t), id("a"))
		_, lerr := r.List(runtimetest.Bounded(t), target.Filter{})
		if tt.dir != "/x" {
			lerr = ierr // a list has none
		}
		for what, err := range map[string]error{"list": lerr, "inspect": ierr} {
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s of %q, %.20q: %v, want %q", what, tt.id, tt.name, err, tt.want)
			}
		}
	}
}

// TestMore: what follows an answer is refused.
func TestMore(t *testing.T) {
	one := fmt.Sprintf(`{"Id":%q,"Name":"web"}`, id("a"))
	r := fake(t, map[string]http.HandlerFunc{"/containers/json": says("[] {}"), "/containers/" + id("a") + "/json": says(one + one)})
	if _, err := r.List(runtimetest.Bounded(t), target.Filter{}); err == nil {
		t.Error("list: no error")
	}
	if _, err := r.Inspect(runtimetest.Bounded(t), id("a")); err == nil {
		t.Error("inspect: no error")
	}
}

// TestAnother: an answer about another container is none about this one.
func TestAnother(t *testing.T) {
	one := fmt.Sprintf(`{"Id":%q,"Name":"web"}`, id("b"))
	r := fake(t, map[string]http.HandlerFunc{"/containers/" + id("a") + "/json": says(one)})
	if _, err := r.Inspect(runtimetest.Bounded(t), id("a")); !errors.Is(err, fault.NotFound) {
		t.Errorf("inspect: %v, want fault.NotFound", err)
	}
}
