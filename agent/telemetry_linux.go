package agent

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"dlx/agent/identity"
	"dlx/agent/logs"
	"dlx/agent/metrics"
	"dlx/agent/server"
	"dlx/agent/trace"
	"dlx/engine"
	"dlx/record/audit"
)

// telemetry is told of the work, for metrics, traces and the log. Nothing depends on it.
type telemetry struct {
	metrics *metrics.Set
	tracer  *trace.Tracer
	log     *slog.Logger
	lines   lines
}

func newTelemetry(c Config) *telemetry {
	t := &telemetry{metrics: metrics.New(c.Version), log: c.Log}
	host, _ := os.Hostname() // "" is no name
	t.tracer = trace.New(trace.Options{Endpoint: c.Traces, Service: "dlx-agent", Version: c.Version, Host: host, Log: c.Log, Count: t.metrics.Spans})
	return t
}

// watch is server.Options's.
func (t *telemetry) watch(ctx context.Context, w *server.Work) (context.Context, server.Watch) {
	ctx, span := t.tracer.Call(ctx, "dlx "+w.Verb, trace.Attr{Key: "dlx.verb", Value: w.Verb}, trace.Attr{Key: "dlx.call", Value: w.ID})
	w.Trace = span.Trace().String()
	fields := []slog.Attr{slog.String("trace", w.Trace), slog.String("call", w.ID)}
	if parent := span.Remote(); parent != "" {
		fields = append(fields, slog.String("parent", parent))
	}
	ctx = logs.With(ctx, fields...)
	return ctx, &watched{t: t, ctx: ctx, work: w, span: span, start: span.Part("start"), call: t.metrics.Call(w.Verb)}
}

// watched is a call that is told of.
type watched struct {
	t     *telemetry
	ctx   context.Context //nolint:containedctx // the call's, for its log lines
	work  *server.Work
	span  *trace.Span
	start *trace.Span // until it began
	began sync.Once
	call  *metrics.Call
}

var _ server.Watch = (*watched)(nil)

// Began is server.Watch's.
func (w *watched) Began() {
	w.began.Do(func() {
		w.call.Began()
		w.start.End("")
	})
}

// Sent is server.Watch's.
func (w *watched) Sent(n int) { w.call.Sent(n) }

// Packets is server.Watch's.
func (w *watched) Packets(sent, dropped uint64) { w.call.Packets(sent, dropped) }

// End is server.Watch's.
func (w *watched) End(err error) {
	outcome, took := w.call.End(err)
	kind := ""
	if err != nil {
		kind = string(metrics.KindOf(err))
	}
	w.span.Set("dlx.outcome", outcome)
	w.span.End(kind)
	w.t.line(w, outcome, kind, took, err)
}

// line tells of a call in the log. A caller has so many lines a minute.
func (t *telemetry) line(w *watched, outcome, kind string, took time.Duration, err error) {
	who := identity.Of(w.ctx)
	if who == nil {
		return
	}
	fields := []slog.Attr{
		slog.String("verb", w.work.Verb), slog.String("user", who.Name), slog.String("known", string(who.Known)), slog.String("outcome", outcome),
		slog.Duration("took", took), slog.Uint64("bytes", w.work.Sent()),
	}
	if err != nil {
		fields = append(fields, slog.String("kind", kind), slog.Any("error", err))
	}
	switch say, last := t.lines.take(who.ID(), time.Now()); {
	case !say:
		t.metrics.Suppressed()
		return
	case last:
		fields = append(fields, slog.Bool("last_of_minute", true))
	}
	t.log.LogAttrs(w.ctx, slog.LevelInfo, "call", fields...)
}

// gated is an operation that the gate is asked about.
type gated struct {
	t        *telemetry
	op       *engine.Operation
	began    time.Time
	took     time.Duration // to decide
	deciding *trace.Span
	record   *trace.Span
	up       *trace.Span
}

// gate begins to look at a decision.
func (t *telemetry) gate(ctx context.Context, op *engine.Operation) *gated {
	up := trace.Of(ctx)
	return &gated{t: t, op: op, began: time.Now(), up: up, deciding: up.Part("decide")}
}

// decided is told the policy's and the limits' answer; what follows is the record.
func (g *gated) decided() {
	g.took = time.Since(g.began)
	g.deciding.End("")
	g.record = g.up.Part("record")
}

// done is told whether the operation is done.
func (g *gated) done(err error) {
	if g.took == 0 {
		g.took = time.Since(g.began)
	}
	g.record.End("")
	runtime := g.op.Target.Runtime
	if runtime == "" {
		runtime = string(g.op.Subject)
	}
	g.up.Set("dlx.runtime", runtime)
	g.t.metrics.Decided(string(g.op.Verb), runtime, g.took, err)
}

// recorder is a record that can be appended to.
type recorder interface {
	Append(ctx context.Context, e audit.Entry) (seq uint64, err error)
}

// timed is a record that is measured.
type timed struct {
	recorder
	metrics *metrics.Set
}

// Append is recorder's.
func (t timed) Append(ctx context.Context, e audit.Entry) (uint64, error) {
	began := time.Now()
	seq, err := t.recorder.Append(ctx, e)
	t.metrics.Recorded(time.Since(began), err)
	return seq, err
}

// lines bound how many lines of the log a caller has in a minute: who asks again and again would
// fill the disk with them.
type lines struct {
	mu    sync.Mutex
	since time.Time // when the minute began
	of    map[string]int
}

const (
	lineWindow = time.Minute
	maxLines   = 120
	maxCallers = 4096 // whose lines are counted
)

// take says whether a caller has a line left, and whether it is the last one of the minute.
func (l *lines) take(who string, now time.Time) (say, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || now.Sub(l.since) >= lineWindow {
		l.since, l.of = now, map[string]int{}
	}
	if _, known := l.of[who]; !known && len(l.of) >= maxCallers {
		return false, false
	}
	l.of[who]++
	return l.of[who] <= maxLines, l.of[who] == maxLines
}
