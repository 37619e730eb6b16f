package trace_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	spans "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"dlx/agent/trace"
	"dlx/fault"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

const (
	limit    = 30 * time.Second
	parent   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	parentID = "0af7651916cd43dd8448eb211c80319c"
)

// collector takes spans as a test's handler has it.
func collector(t *testing.T, take http.HandlerFunc, env map[string]string) *trace.Endpoint {
	t.Helper()
	s := httptest.NewServer(take)
	t.Cleanup(s.Close)
	e, err := trace.ParseEndpoint(s.URL+"/base/", func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// counts are what a tracer counts.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[what] += n
}

func (c *counts) get(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[what]
}

// TestSpans: what arrives is what OpenTelemetry's own definition of it says.
func TestSpans(t *testing.T) {
	got := make(chan *spans.TracesData, 1)
	var header http.Header
	var path string
	e := collector(t, func(_ http.ResponseWriter, r *http.Request) {
		header, path = r.Header, r.URL.Path
		body, err := io.ReadAll(r.Body)
		m := &spans.TracesData{} // of the same form as an ExportTraceServiceRequest
		if err := errors.Join(err, proto.Unmarshal(body, m)); err != nil {
			t.Error(err)
		}
		got <- m
	}, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20secret, x-team = a"})
	var n counts
	tracer := trace.New(trace.Options{Endpoint: e, Service: "dlx-agent", Version: "1.2", Host: "node", Count: n.add})
	before := time.Now()
	ctx, call := tracer.Call(trace.WithParent(t.Context(), parent), "dlx debug", trace.Attr{Key: "dlx.verb", Value: "debug"})
	part := trace.Start(ctx, "decide")
	part.End("")
	call.Set("bad", "before")
	call.Set("bad", "\xff"+strings.Repeat("x", 1000))
	call.End("refused")
	tracer.Close()
	m := <-got
	if header.Get("Authorization") != "Bearer secret" || header.Get("X-Team") != "a" || header.Get("Content-Type") != "application/x-protobuf" || path != "/base/v1/traces" {
		t.Errorf("%s %v", path, header)
	}
	if len(m.GetResourceSpans()) != 1 || len(m.GetResourceSpans()[0].GetScopeSpans()) != 1 {
		t.Fatal(m)
	}
	resource := m.GetResourceSpans()[0]
	if a := resource.GetResource().GetAttributes(); len(a) != 3 || a[0].GetKey() != "service.name" || a[0].GetValue().GetStringValue() != "dlx-agent" {
		t.Error(resource.GetResource())
	}
	list := resource.GetScopeSpans()[0].GetSpans()
	if len(list) != 2 || n.get("sent") != 2 {
		t.Fatal(list)
	}
	decide, whole := list[0], list[1]
	if id := call.Trace().String(); id != parentID || string(whole.GetTraceId()) != string(decide.GetTraceId()) || string(decide.GetParentSpanId()) != string(whole.GetSpanId()) {
		t.Errorf("trace %s, %v", id, list)
	}
	if string(whole.GetParentSpanId()) != "\xb7\xad\x6b\x71\x69\x20\x33\x31" || whole.GetKind() != spans.Span_SPAN_KIND_SERVER || decide.GetKind() != spans.Span_SPAN_KIND_INTERNAL {
		t.Error(whole)
	}
	if whole.GetStatus().GetCode() != spans.Status_STATUS_CODE_ERROR || whole.GetStatus().GetMessage() != "refused" || decide.GetStatus() != nil {
		t.Error(whole.GetStatus(), decide.GetStatus())
	}
	if whole.GetFlags() != 0x300 || decide.GetFlags() != 0x100 || whole.GetAttributes()[0].GetValue().GetStringValue() != "debug" || whole.GetAttributes()[1].GetKey() != "bad" || len(whole.GetAttributes()) != 2 {
		t.Error(whole)
	}
	if start := time.Unix(0, int64(whole.GetStartTimeUnixNano())); start.Before(before) || whole.GetEndTimeUnixNano() < decide.GetEndTimeUnixNano() {
		t.Error(whole)
	}
}

// TestNoParent: without a parent that is one, each call has a trace of its own.
func TestNoParent(t *testing.T) {
	tracer := trace.New(trace.Options{})
	defer tracer.Close()
	seen := map[trace.ID]bool{}
	for _, header := range []string{
		"", "x", strings.ToUpper(parent), parent + "-", parent + "0", "ff" + parent[2:], strings.Replace(parent, "-b", "_b", 1),
		"00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", parent[:54],
		"0--0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", parent[:53] + "--",
	} {
		_, s := tracer.Call(trace.WithParent(t.Context(), header), "call")
		if id := s.Trace(); seen[id] || id == (trace.ID{}) || s.Remote() != "" {
			t.Errorf("%q: trace %s, parent %q", header, id, s.Remote())
		}
		seen[s.Trace()] = true
	}
	for _, header := range []string{parent, "01" + parent[2:] + "-more"} {
		if _, s := tracer.Call(trace.WithParent(t.Context(), header), "call"); s.Trace().String() != parentID || s.Remote() != "b7ad6b7169203331" {
			t.Errorf("%q: trace %s", header, s.Trace())
		}
	}
}

// TestNobodyWaits: an endpoint that takes nothing, says no, or never stops talking holds nobody up;
// what it does not take is counted.
func TestNobodyWaits(t *testing.T) {
	release := make(chan struct{})
	var strayed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer func() {
		elsewhere.Close()
		if strayed.Load() > 0 {
			t.Error("a redirection is followed, with the endpoint's token")
		}
	}()
	for name, take := range map[string]http.HandlerFunc{
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-release },
		"no":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := collector(t, take, nil)
			if name == "silent" {
				t.Cleanup(func() { close(release) })
			}
			var n counts
			var log testutil.Output
			tracer := trace.New(trace.Options{Endpoint: e, Count: n.add, Log: slog.New(slog.NewJSONHandler(&log, nil))})
			const many = 20000
			began := time.Now()
			for range many {
				_, s := tracer.Call(context.Background(), "call")
				s.End("")
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%d calls took %s", many, took)
			}
			began = time.Now()
			tracer.Close()
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("it took %s to close", took)
			}
			if n.get("sent") != 0 || n.get("failed")+n.get("dropped") != many {
				t.Errorf("%v", n.of)
			}
			if c := strings.Count(log.String(), "spans are not taken"); c != 1 {
				t.Errorf("it was told %d times: %s", c, log.String())
			}
		})
	}
}

// TestEndpoint: which URLs are taken, from where; a token is in no error.
func TestEndpoint(t *testing.T) {
	for _, tt := range []struct {
		base string
		env  map[string]string
		want bool
		err  bool
	}{
		{},
		{base: "http://c:4318", want: true},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c"}, want: true},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/x"}, want: true},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c", "OTEL_SDK_DISABLED": "true"}},
		{base: "c:4318", err: true}, {base: "ftp://c", err: true}, {base: "http://user:secret@c", err: true}, {base: "http://", err: true}, {base: "http://secret\x00", err: true},
		{base: "http://c", env: map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "secret"}, err: true},
		{base: "http://c", env: map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "a=secret%0d%0aHost:x"}, err: true},
		{base: "http://c", env: map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "a b=secret"}, err: true},
	} {
		e, err := trace.ParseEndpoint(tt.base, func(name string) string { return tt.env[name] })
		if (e != nil) != tt.want || (err != nil) != tt.err || err != nil && (!errors.Is(err, fault.BadRequest) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%q %v: %v, %v", tt.base, tt.env, e, err)
		}
	}
}

// FuzzParseParent: no header is a crash, and what is taken is written as it was.
func FuzzParseParent(f *testing.F) {
	f.Add(parent)
	f.Add("01" + parent[2:] + "-more")
	f.Fuzz(func(t *testing.T, header string) {
		p, ok := trace.ParseParent(header)
		if ok && (!strings.HasPrefix(header[2:], "-"+p.Trace.String()+"-"+p.Span.String()+"-") || p.Trace == (trace.ID{})) || !ok && p != (trace.Parent{}) {
			t.Errorf("%q: %v, %v", header, p, ok)
		}
	})
}
