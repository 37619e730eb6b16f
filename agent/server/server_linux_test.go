package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"golang.org/x/time/rate"

	"dlx/agent/agenttest"
	"dlx/agent/client"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/server"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

const limit = 30 * time.Second

// fake is an engine whose debug and capture are a test's.
type fake struct {
	engine.Engine
	debug   func(ctx context.Context, req engine.DebugRequest, s engine.Streams) (int, error)
	capture func(ctx context.Context, to engine.Sink) (engine.CaptureStats, error)
	// request is capture for tests that look at what is asked for.
	request func(ctx context.Context, req engine.CaptureRequest, to engine.Sink) (engine.CaptureStats, error)
}

func (f *fake) Debug(ctx context.Context, req engine.DebugRequest, s engine.Streams) (int, error) {
	return f.debug(ctx, req, s)
}

func (f *fake) Capture(ctx context.Context, req engine.CaptureRequest, to engine.Sink) (engine.CaptureStats, error) {
	if f.request != nil {
		return f.request(ctx, req, to)
	}
	return f.capture(ctx, to)
}

// agent is a server of a fake engine, and where it listens.
func agent(t *testing.T, f *fake) (*server.Server, string) {
	t.Helper()
	return agenttest.Serve(t, server.Options{Engine: f, Version: "1.0"})
}

func dial(t *testing.T, socket string) *client.Client {
	t.Helper()
	a, err := client.ParseAddress("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Options{Address: a, Version: "2.0"})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw speaks the protocol without a client's care.
func raw(t *testing.T, socket string) (protoconnect.AgentClient, *http.Client) {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	h := &http.Client{Transport: transport}
	return protoconnect.NewAgentClient(connect.NewClient(connecthttp.NewTransport(h, "http://agent", connecthttp.WithGRPC()))), h
}

func wait[T any](t *testing.T, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(limit):
		t.Fatalf("%s: nothing within %s", what, limit)
	}
	return v
}

// holding is a session that goes on until its context ends, and says why that was.
func holding() (f *fake, began chan string, ended chan error) {
	began, ended = make(chan string, 100), make(chan error, 100)
	return &fake{debug: func(ctx context.Context, req engine.DebugRequest, s engine.Streams) (int, error) {
		s.Started()
		began <- req.Target
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return 0, context.Cause(ctx)
	}}, began, ended
}

// TestClientGone: a client whose process ends, or whose connection says nothing any more, takes its
// session with it.
func TestClientGone(t *testing.T) {
	for name, leave := range map[string]func(p *proxy){"ended": (*proxy).cut, "silent": (*proxy).freeze} {
		t.Run(name, func(t *testing.T) {
			f, began, ended := holding()
			_, socket := agent(t, f)
			p := newProxy(t, socket)
			result, started := make(chan error, 1), make(chan struct{})
			go func() {
				_, err := dial(t, p.socket).Debug(context.Background(), engine.DebugRequest{Target: "web"},
					engine.Streams{Stdout: io.Discard, Stderr: io.Discard, Started: func() { close(started) }})
				result <- err
			}()
			wait(t, "the session", began)
			wait(t, "the client to be told", started)
			start := time.Now()
			leave(p)
			_ = wait(t, "the session's end", ended)
			if took := time.Since(start); took > 12*time.Second {
				t.Errorf("the session ended after %s", took)
			}
			if err := wait(t, "the client", result); !errors.Is(err, fault.Cut) {
				t.Errorf("the client has %v, want fault.Cut", err)
			}
		})
	}
}

// TestCutCapture: a capture whose connection is cut is none that has succeeded.
func TestCutCapture(t *testing.T) {
	came := make(chan struct{})
	f := &fake{capture: func(ctx context.Context, to engine.Sink) (engine.CaptureStats, error) {
		if err := errors.Join(to.Begin(), to.Blocks([]byte("some"), 1, 0)); err != nil {
			return engine.CaptureStats{}, err
		}
		<-ctx.Done()
		return engine.CaptureStats{}, nil
	}}
	_, socket := agent(t, f)
	p := newProxy(t, socket)
	go func() {
		<-came
		p.cut()
	}()
	_, err := dial(t, p.socket).Capture(t.Context(), engine.CaptureRequest{Targets: []string{"web"}}, &discard{came})
	if !errors.Is(err, fault.Cut) {
		t.Errorf("%v, want fault.Cut", err)
	}
}

// discard says when blocks have come.
type discard struct{ came chan struct{} }

func (*discard) Begin() error { return nil }

func (d *discard) Blocks([]byte, uint64, uint64) error {
	close(d.came)
	return nil
}

// TestTooMuchInput: who sends more input than the session takes is cut off, and held up no more
// memory than the window.
func TestTooMuchInput(t *testing.T) {
	f, began, ended := holding()
	_, socket := agent(t, f)
	c, _ := raw(t, socket)
	stream, err := c.Debug(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	start := &proto.DebugStart{Request: &proto.DebugRequest{Target: "web"}, Stdin: true}
	if err := stream.Send(&proto.DebugInput{Input: &proto.DebugInput_Start{Start: start}}); err != nil {
		t.Fatal(err)
	}
	wait(t, "the session", began)
	for range 3 { // of which two are the window
		if err := stream.Send(&proto.DebugInput{Input: &proto.DebugInput_Stdin{Stdin: make([]byte, 32<<10)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := wait(t, "the session's end", ended); err == nil || !strings.Contains(err.Error(), "more input") {
		t.Errorf("it ended for %v", err)
	}
}

// TestMalformed: what does not begin as a session does is refused, and nothing is done.
func TestMalformed(t *testing.T) {
	var asked atomic.Int32
	f := &fake{debug: func(context.Context, engine.DebugRequest, engine.Streams) (int, error) {
		asked.Add(1)
		return 0, nil
	}}
	_, socket := agent(t, f)
	c, h := raw(t, socket)
	stream, err := c.Debug(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&proto.DebugInput{Input: &proto.DebugInput_Signal{Signal: 9}})
	if _, err = stream.Receive(); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a signal first: %v", err)
	}
	_ = stream.Close()

	large := &proto.InjectRequest{Target: strings.Repeat("x", 5<<20)}
	if _, err := c.Inject(t.Context(), large); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("a message of 5 MiB: %v", err)
	}
	for name, body := range map[string]string{
		"no frame": "xx", "giant frame": "\x00\xff\xff\xff\xff", "no message": "\x00\x00\x00\x00\x02\xff\xff", "compressed": "\x01\x00\x00\x00\x00",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://agent"+protoconnect.AgentInjectProcedure, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/grpc+proto")
		res, err := h.Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if status := res.Trailer.Get("Grpc-Status") + res.Header.Get("Grpc-Status"); status == "" || status == "0" {
			t.Errorf("%s: status %q", name, status)
		}
	}
	for name, kind := range map[string]string{"connect": "application/connect+proto", "JSON": "application/json", "a form": "text/plain"} {
		res, err := h.Post("http://agent"+protoconnect.AgentListProcedure, kind, strings.NewReader("{}"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the engine was asked %d times", n)
	}
}

// TestEnd: a session can be listed and ended by its ID, and all end when the agent is stopped. Each
// is told why.
func TestEnd(t *testing.T) {
	f, began, ended := holding()
	s, socket := agent(t, f)
	c, _ := raw(t, socket)
	results := make(chan error, 2)
	for _, name := range []string{"a", "b"} {
		go func() {
			_, err := dial(t, socket).Debug(context.Background(), engine.DebugRequest{Target: name}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
			results <- err
		}()
		wait(t, "a session", began)
	}
	list, err := c.Sessions(t.Context(), &proto.SessionsRequest{})
	if err != nil || len(list.GetSessions()) != 2 || list.GetSessions()[0].GetTargets()[0] != "a" || list.GetSessions()[0].GetVerb() != "debug" {
		t.Fatalf("%v, %v", list, err)
	}
	if _, err := c.EndSession(t.Context(), &proto.EndSessionRequest{Id: "none"}); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("no such session: %v", err)
	}
	if _, err := c.EndSession(t.Context(), &proto.EndSessionRequest{Id: list.GetSessions()[0].GetId()}); err != nil {
		t.Error(err)
	}
	if err := wait(t, "its end", results); err == nil || !strings.Contains(err.Error(), "has ended it") {
		t.Errorf("it was told %v", err)
	}
	_ = wait(t, "its end", ended)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := wait(t, "the other one's end", results); err == nil || !strings.Contains(err.Error(), server.ErrShutdown.Error()) {
		t.Errorf("it was told %v", err)
	}
}

// TestListBounded: what one caller calls its targets does not keep others from the list, and a
// reason is no place for more than a reason.
func TestListBounded(t *testing.T) {
	f, began, _ := holding()
	_, socket := agent(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const sessions = 6 // together more than a client takes
	ended := make(chan struct{}, sessions)
	for range sessions {
		c := dial(t, socket)
		go func() {
			_, _ = c.Debug(ctx, engine.DebugRequest{Target: "\xff" + strings.Repeat("x", 3<<20)}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
			ended <- struct{}{}
		}()
		wait(t, "a session", began)
	}
	list, err := dial(t, socket).Sessions(t.Context())
	if err != nil || len(list) != sessions || len(list[0].Targets) != 1 || len(list[0].Targets[0]) > 300 {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	a, err := client.ParseAddress("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Options{Address: a, Reason: strings.Repeat("x", 2<<10)})
	defer c.Close()
	if _, err := c.Debug(t.Context(), engine.DebugRequest{Target: "web"}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard}); !errors.Is(err, fault.BadRequest) {
		t.Errorf("a reason of 2 KiB: %v, want fault.BadRequest", err)
	}
	cancel()
	for range sessions {
		wait(t, "a session's end", ended)
	}
}

// TestStreams: input of any size comes whole, and in step with who takes it; the input's end, sizes
// and signals come; output that nobody reads any more is one's of a broken pipe.
func TestStreams(t *testing.T) {
	f := &fake{debug: func(_ context.Context, _ engine.DebugRequest, s engine.Streams) (int, error) {
		size := <-s.Resize
		sig := <-s.Signals
		n, err := io.Copy(s.Stdout, s.Stdin)
		if size.Cols != 80 || sig != 15 || n != 1<<20 {
			return 1, err
		}
		return 7, err
	}}
	_, socket := agent(t, f)
	sizes, signals := make(chan engine.WindowSize, 1), make(chan sig, 1)
	sizes <- engine.WindowSize{Rows: 24, Cols: 80}
	signals <- 15
	input := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	var out bytes.Buffer
	code, err := dial(t, socket).Debug(t.Context(), engine.DebugRequest{Target: "web"},
		engine.Streams{Stdin: bytes.NewReader(input), Stdout: &out, Stderr: io.Discard, Resize: sizes, Signals: signals})
	if code != 7 || err != nil || !bytes.Equal(out.Bytes(), input) {
		t.Errorf("status %d, %v, %d bytes", code, err, out.Len())
	}
}

// TestCrowd: one caller has so many calls under way at once, and so many connections, and no more.
// What others could have is not touched by it.
func TestCrowd(t *testing.T) {
	f, began, _ := holding()
	_, socket := agent(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := dial(t, socket)
	results := make(chan error, 100)
	const most = 64
	for range most {
		go func() {
			_, err := c.Debug(ctx, engine.DebugRequest{Target: "web"}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
			results <- err
		}()
		wait(t, "a session", began)
	}
	if _, err := c.Sessions(t.Context()); !errors.Is(err, fault.TooMany) {
		t.Errorf("one call more: %v, want fault.TooMany", err)
	}
	cancel()
	for range most {
		if err := wait(t, "a session's end", results); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	testutil.Wait(t, "room again", limit, func() bool {
		_, err := c.Sessions(t.Context())
		return err == nil
	})

	const connections = 64
	var conns []net.Conn
	for range connections + 10 {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	closed := 0
	for _, conn := range conns {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second / 4))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			closed++
		}
	}
	if closed < 10 {
		t.Errorf("%d connections too many were closed, want 10 at least", closed)
	}
}

// TestPanic: a call that panics is cut off, is told of in the log, and leaves the others alone.
func TestPanic(t *testing.T) {
	var log testutil.Output
	f := &fake{debug: func(_ context.Context, req engine.DebugRequest, _ engine.Streams) (int, error) {
		if req.Target == "bad" {
			panic("a mistake")
		}
		return 0, nil
	}}
	_, socket := agenttest.Serve(t, server.Options{Engine: f, Version: "1.0", Log: slog.New(slog.NewJSONHandler(&log, nil))})
	c := dial(t, socket)
	if _, err := c.Debug(t.Context(), engine.DebugRequest{Target: "bad"}, engine.Streams{}); !errors.Is(err, fault.Cut) {
		t.Errorf("%v, want fault.Cut", err)
	}
	if _, err := c.Debug(t.Context(), engine.DebugRequest{Target: "good"}, engine.Streams{}); err != nil {
		t.Errorf("the next one: %v", err)
	}
	testutil.Wait(t, "the log's line", limit, func() bool {
		return strings.Contains(log.String(), "a call has panicked") && strings.Contains(log.String(), "a mistake") && strings.Contains(log.String(), "TestPanic")
	})
}

// TestSeveralLimits: a capture in containers of several rules keeps to all of their limits,
// whichever of them is asked last.
func TestSeveralLimits(t *testing.T) {
	slow := rate.NewLimiter(1, 1000)
	f := &fake{capture: func(ctx context.Context, to engine.Sink) (engine.CaptureStats, error) {
		w := server.WorkOf(ctx)
		for _, bytes := range []int64{1000, 5000, 0} {
			w.Limit(0, bytes)
		}
		w.Slow(slow)
		w.Slow(rate.NewLimiter(rate.Inf, 1))
		return engine.CaptureStats{}, errors.Join(to.Begin(), to.Blocks(make([]byte, 900), 1, 0), to.Blocks(make([]byte, 900), 1, 0))
	}}
	_, socket := agent(t, f)
	_, err := dial(t, socket).Capture(t.Context(), engine.CaptureRequest{Targets: []string{"web", "bank"}}, nowhere{})
	if !errors.Is(err, fault.QuotaExceeded) {
		t.Errorf("%v, want fault.QuotaExceeded", err)
	}
	if left := slow.Tokens(); left > 200 {
		t.Errorf("the slower limiter has %f bytes left, and was not asked", left)
	}
}
