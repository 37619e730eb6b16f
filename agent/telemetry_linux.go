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
	return ctx, &watchedCall{t: t, ctx: ctx, work: w, span: span, start: span.Part("start"), call: t.metrics.Call(w.Verb)}
}

// watchedCall is a call that is told of.
type watchedCall struct {
	t     *telemetry
	ctx   context.Context //nolint:containedctx // the call's, for its log lines
	work  *server.Work
	span  *trace.Span
	start *trace.Span // until it began
	began sync.Once
	call  *metrics.Call
}

var _ server.Watch = (*watchedCall)(nil)

// Began is server.Watch's.
func (w *watchedCall) Began() {
	w.began.Do(func() {
		w.call.Began()
		w.start.End("")
	})
}

// Sent is server.Watch's.
func (w *watchedCall) Sent(n int) { w.call.Sent(n) }

// Packets is server.Watch's.
func (w *watchedCall) Packets(sent, dropped uint64) { w.call.Packets(sent, dropped) }

// End is server.Watch's.
func (w *watchedCall) End(err error) {
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
func (t *telemetry) line(w *watchedCall, outcome, kind string, took time.Duration, err error) {
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
