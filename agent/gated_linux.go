package agent

import (
	"context"
	"time"

	"dlx/agent/metrics"
	"dlx/agent/trace"
	"dlx/engine"
	"dlx/record/audit"
)

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
