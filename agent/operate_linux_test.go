package agent_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	spans "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"dlx/agent"
	"dlx/agent/client"
	"dlx/agent/logs"
	"dlx/agent/trace"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
)

// pretended is an engine that asks its gate about containers which are not there.
type pretended struct {
	engine.Engine
	gate  engine.Gate
	hold  chan struct{}                   // if not nil, sessions go on until it is closed, or their end
	names func(ctx context.Context) error // what the runtimes say
}

func (p *pretended) Close() error { return nil }

func (p *pretended) Names(ctx context.Context) ([]target.Info, error) {
	if p.names == nil {
		return nil, nil
	}
	return nil, p.names(ctx)
}

func (p *pretended) begin(ctx context.Context, verb engine.Verb, name string) (func(engine.Outcome), error) {
	runtime, label, _ := strings.Cut(name, "/")
	info := target.Info{Name: name, ID: name, Runtime: runtime, Image: name, Labels: map[string]string{"app": label}}
	op := engine.Operation{Verb: verb, Subject: engine.SubjectContainer, Target: info, Process: &engine.Process{PID: 1, Namespaces: map[string]uint64{}}}
	for _, kind := range []string{"mnt", "net", "pid", "uts", "ipc", "user", "cgroup", "time"} {
		op.Process.Namespaces[kind] = 1 // none of the host's
	}
	if verb == engine.VerbDebug {
		op.Session = &engine.Grant{FS: engine.FSToolbox, Restraints: engine.Restraints{Profile: "general"}}
	} else {
		op.Capture = &engine.CaptureGrant{}
	}
	return p.gate.Begin(ctx, op)
}

func (p *pretended) Debug(ctx context.Context, req engine.DebugRequest, s engine.Streams) (int, error) {
	end, err := p.begin(ctx, engine.VerbDebug, req.Target)
	if err != nil {
		return 0, err
	}
	s.Started()
	_, err = s.Stdout.Write([]byte("hello\n"))
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	end(engine.Outcome{Err: err})
	return 0, err
}

func (p *pretended) Capture(ctx context.Context, req engine.CaptureRequest, to engine.Sink) (engine.CaptureStats, error) {
	end, err := p.begin(ctx, engine.VerbCapture, req.Targets[0])
	if err != nil {
		return engine.CaptureStats{}, err
	}
	err = errors.Join(to.Begin(), to.Blocks([]byte("1234"), 3, 2))
	end(engine.Outcome{Err: err})
	return engine.CaptureStats{Captured: 3, Dropped: 2}, err
}

// spanOfTest is the span that a test's calls are a part of, as they say.
const (
	traceOfTest = "0af7651916cd43dd8448eb211c80319c"
	spanOfTest  = "00-" + traceOfTest + "-b7ad6b7169203331-01"
)

// operated is an agent of a pretended engine.
type operated struct {
	*place
	socket, metrics string
	http            *http.Client
	stop            context.CancelFunc
	done            chan error // of Run
}

func operate(t *testing.T, p *pretended, change ...func(*agent.Config)) *operated {
	t.Helper()
	testutil.RequireRoot(t)
	dir := t.TempDir()
	o := &operated{
		place:  &place{state: filepath.Join(dir, "state"), policy: filepath.Join(dir, "policy.yaml"), log: &testutil.Output{}},
		socket: filepath.Join(dir, "s", "agent.sock"), metrics: filepath.Join(dir, "s", "metrics.sock"), done: make(chan error, 1),
	}
	o.write(t, shopRules)
	config := agent.Config{
		Socket: o.socket, Policy: o.policy, State: o.state, Record: agent.RecordNone, Version: "test", Log: logs.New(o.log, slog.LevelDebug), Metrics: "unix://" + o.metrics,
		Engine: func(gate engine.Gate) engine.Engine { p.gate = gate; return p },
	}
	for _, f := range change {
		f(&config)
	}
	a, err := agent.New(config)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", o.metrics)
	}}
	o.http = &http.Client{Transport: transport, Timeout: limit}
	ctx, cancel := context.WithCancel(context.Background())
	o.stop = cancel
	ready := make(chan struct{})
	go func() { o.done <- a.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-o.done:
		t.Fatal(errors.Join(err, a.Close()))
	}
	address, err := client.ParseAddress("unix://" + o.socket)
	if err != nil {
		t.Fatal(err)
	}
	o.Client = client.New(client.Options{Address: address, Reason: "a test", Version: "test", Parent: spanOfTest})
	t.Cleanup(func() {
		_ = o.Close()
		cancel()
		err := <-o.done
		transport.CloseIdleConnections()
		if err := errors.Join(err, a.Close()); err != nil && !errors.Is(err, fault.NoRecord) {
			t.Error(err)
		}
	})
	return o
}

// get asks about the agent.
func (o *operated) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	resp, err := o.http.Get("http://agent" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// do runs a session.
func (o *operated) do(t *testing.T, name string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err := o.Debug(ctx, engine.DebugRequest{Target: name}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
	return err
}

// lines are the log's with a message.
func (o *operated) lines(t *testing.T, msg string) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(o.log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if m["msg"] == msg {
			list = append(list, m)
		}
	}
	return list
}

// TestMetrics: what was done and refused is counted, in words that nobody chooses.
func TestMetrics(t *testing.T) {
	o := operate(t, &pretended{})
	if err := o.do(t, "docker/shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Capture(t.Context(), engine.CaptureRequest{Targets: []string{"docker/shop"}}, nowhere{}); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for i := range 200 {
		name := fmt.Sprintf("Evil-%d\"} 1\n\u202eEvil/shop", i)
		if err := o.do(t, name); err != nil && !errors.Is(err, fault.Refused) && !errors.Is(err, fault.TooMany) {
			t.Fatal(err)
		}
		if i == 0 {
			_, body := o.get(t, "/metrics")
			lines = strings.Count(body, "\n")
		}
	}
	if err := o.do(t, "docker/bank"); !errors.Is(err, fault.Refused) {
		t.Fatal(err)
	}
	testutil.Wait(t, "all calls to be over", limit, func() bool {
		_, body := o.get(t, "/metrics")
		return strings.Contains(body, `dlx_agent_calls_active{verb="debug"} 0`)
	})
	status, body := o.get(t, "/metrics")
	if status != http.StatusOK || strings.Contains(body, "Evil") || strings.Contains(body, "shop") || strings.Contains(body, "root") {
		t.Errorf("%d: %s", status, body)
	}
	if n := strings.Count(body, "\n"); n > lines+30 {
		t.Errorf("%d lines after one name, %d after 200", lines, n)
	}
	for _, want := range []string{
		`dlx_agent_ready 1`, `dlx_agent_calls_active{verb="debug"} 0`, `dlx_agent_calls_total{verb="capture",outcome="ok"} 1`, `dlx_agent_calls_total{verb="debug",outcome="refused"} 1`,
		`dlx_agent_errors_total{verb="debug",kind="refused"} 1`, `dlx_agent_operations_total{verb="debug",runtime="docker",outcome="admitted"} 1`,
		`dlx_agent_operations_total{verb="debug",runtime="docker",outcome="denied"} 1`, `dlx_agent_operations_total{verb="debug",runtime="other",outcome="admitted"} 200`,
		`dlx_agent_start_seconds_count{verb="debug"} 201`, `dlx_agent_sent_bytes_total{verb="capture"} 4`, `dlx_agent_sent_bytes_total{verb="debug"} 1206`,
		`dlx_agent_captured_packets_total 3`, `dlx_agent_dropped_packets_total 2`, `dlx_agent_records_total{outcome="ok"} 405`, `dlx_agent_decision_seconds_count 203`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

// TestCallLines: each call has a line in the log with its trace, which the record has too. A
// caller's texts steer no terminal, and there are no more lines in a minute than a bound.
func TestCallLines(t *testing.T) {
	o := operate(t, &pretended{})
	hostile := "docker/shop\x1b[2J\u009b2J\u202e\x00" + strings.Repeat("x", 100_000)
	if err := o.do(t, hostile); err == nil {
		t.Fatal("it is let in")
	}
	if err := o.do(t, "docker/shop"); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "two lines", limit, func() bool { return len(o.lines(t, "call")) == 2 })
	list, entries := o.lines(t, "call"), o.record(t)
	no, yes := list[0], list[1]
	if no["outcome"] != "refused" || no["kind"] != "refused" || no["user"] != "root" || no["verb"] != "debug" || yes["outcome"] != "ok" || yes["kind"] != nil || yes["bytes"] != 6.0 {
		t.Errorf("%v\n%v", no, yes)
	}
	last := entries[len(entries)-1]
	if yes["trace"] != traceOfTest || yes["parent"] != "b7ad6b7169203331" || last.Trace != traceOfTest || yes["call"] != last.ID || no["call"] == last.ID || len(last.ID) != 26 {
		t.Errorf("%v in the log, %q and %q in the record", yes, last.Trace, last.ID)
	}
	for _, r := range o.log.String() {
		if r != '\n' && (r < ' ' || r > '~') {
			t.Errorf("the log has %q", r)
		}
	}
	if n := len(o.log.String()); n > 20_000 {
		t.Errorf("the log has %d bytes", n)
	}
	for range 300 {
		_ = o.do(t, "docker/bank")
	}
	if n := len(o.lines(t, "call")); n > 121 {
		t.Errorf("%d lines", n)
	}
	if _, body := o.get(t, "/metrics"); strings.Contains(body, "dlx_agent_log_suppressed_total 0\n") {
		t.Error("lines that are left out are not counted")
	}
}

// TestHealth: an agent is alive as long as it records and its engine answers, and ready as long as
// it takes work.
func TestHealth(t *testing.T) {
	var hung atomic.Bool
	o := operate(t, &pretended{names: func(ctx context.Context) error {
		if hung.Load() {
			<-ctx.Done()
		}
		return fault.New(fault.NoRuntime, "", "secret words of a runtime")
	}})
	want := func(path string, status int, body string) {
		t.Helper()
		if s, b := o.get(t, path); s != status || b != body {
			t.Errorf("%s: %d %q, want %d %q", path, s, b, status, body)
		}
	}
	want("/healthz", http.StatusOK, "record: ok\nengine: ok\n")
	want("/readyz", http.StatusOK, "listening: ok\npolicy: ok\nrecord: ok\n")
	for _, path := range []string{"/", "/debug/pprof/", "/debug/vars", "/metrics/x"} {
		if s, _ := o.get(t, path); s != http.StatusNotFound {
			t.Errorf("%s: %d", path, s)
		}
	}
	resp, err := o.http.Post("http://agent/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", resp.StatusCode)
	}
	hung.Store(true)
	testutil.Wait(t, "an engine that does not answer to be told of", limit, func() bool {
		began := time.Now()
		status, body := o.get(t, "/healthz")
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("it took %s", took)
		}
		return status == http.StatusServiceUnavailable && body == "record: ok\nengine: failed\n"
	})
	want("/readyz", http.StatusOK, "listening: ok\npolicy: ok\nrecord: ok\n")
	hung.Store(false)
	touchRecord(t, o.state)
	_ = o.do(t, "docker/shop")
	want("/readyz", http.StatusServiceUnavailable, "listening: ok\npolicy: ok\nrecord: failed\n")
	if _, body := o.get(t, "/metrics"); !strings.Contains(body, "dlx_agent_ready 0\n") || !strings.Contains(body, "dlx_agent_record_lost 1\n") || !strings.Contains(body, `runtime="docker",outcome="unrecorded"} 1`) {
		t.Error(body)
	}
}

// touchRecord adds to the record what the agent has not written.
func touchRecord(t *testing.T, state string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(state, "audit", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(`"kind":"file"`)) {
			if err := os.WriteFile(name, append(data, "{}\n"...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stubborn is a session that takes a while to end.
type stubborn struct {
	*pretended
	release chan struct{}
}

func (s *stubborn) Debug(ctx context.Context, req engine.DebugRequest, streams engine.Streams) (int, error) {
	code, err := s.pretended.Debug(ctx, req, streams)
	<-s.release
	return code, err
}

// TestReadyGoesFirst: an agent that is being stopped says so before what is under way has ended,
// and is asked until the end.
func TestReadyGoesFirst(t *testing.T) {
	s := &stubborn{&pretended{hold: make(chan struct{})}, make(chan struct{})}
	o := operate(t, s.pretended, func(c *agent.Config) {
		c.Engine = func(gate engine.Gate) engine.Engine { s.gate = gate; return s }
	})
	started, result := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := o.Debug(context.Background(), engine.DebugRequest{Target: "docker/shop"}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard, Started: func() { close(started) }})
		result <- err
	}()
	select {
	case <-started:
	case err := <-result:
		t.Fatal(err)
	}
	o.stop()
	testutil.Wait(t, "the agent to say that it is being stopped", limit, func() bool {
		status, body := o.get(t, "/readyz")
		return status == http.StatusServiceUnavailable && strings.HasPrefix(body, "listening: failed\n")
	})
	if status, _ := o.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	if _, body := o.get(t, "/metrics"); !strings.Contains(body, `dlx_agent_calls_active{verb="debug"} 1`) {
		t.Error(body)
	}
	close(s.release)
	if err := <-result; err == nil {
		t.Error("the session ended as if nothing were wrong")
	}
}

// TestTraces: a call's spans go to the endpoint, with times of its decision and its record, and
// without the names of people and containers.
func TestTraces(t *testing.T) {
	var got testutil.Output
	all := make(chan *spans.Span, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		m := &spans.TracesData{}
		if err := errors.Join(err, proto.Unmarshal(body, m)); err != nil {
			t.Error(err)
		}
		_, _ = got.Write(body)
		for _, one := range m.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans() {
			all <- one
		}
	}))
	defer collector.Close()
	endpoint, err := trace.ParseEndpoint(collector.URL, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	o := operate(t, &pretended{}, func(c *agent.Config) { c.Traces = endpoint })
	if err := o.do(t, "docker/shop"); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for len(names) < 4 {
		select {
		case one := <-all:
			names[one.GetName()] = hex.EncodeToString(one.GetTraceId())
		case <-time.After(limit):
			t.Fatalf("only %v", names)
		}
	}
	for _, name := range []string{"dlx debug", "start", "decide", "record"} {
		if names[name] != traceOfTest {
			t.Errorf("spans %q", names)
		}
	}
	if strings.Contains(got.String(), "shop") || strings.Contains(got.String(), "root") {
		t.Errorf("%q", got.String())
	}
	testutil.Wait(t, "them to be counted", limit, func() bool {
		_, body := o.get(t, "/metrics")
		return strings.Contains(body, `dlx_agent_spans_total{outcome="sent"} 4`)
	})
}

// TestNotify: systemd is told when the agent serves, and when it is being stopped, and nothing that
// the agent starts can tell it anything.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	next := func() string {
		t.Helper()
		b := make([]byte, 100)
		if err := l.SetReadDeadline(time.Now().Add(limit)); err != nil {
			t.Fatal(err)
		}
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	o := operate(t, &pretended{})
	if s := next(); s != "READY=1" || os.Getenv("NOTIFY_SOCKET") != "" {
		t.Errorf("%s, and the variable is %q", s, os.Getenv("NOTIFY_SOCKET"))
	}
	if status, _ := o.get(t, "/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d", status)
	}
	o.stop()
	if s := next(); s != "STOPPING=1" {
		t.Error(s)
	}
}
