package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"dlx/agent/identity"
	"dlx/agent/policy"
	"dlx/agent/server"
	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/printable"
	"dlx/record/audit"
)

// gate asks the policy, counts, and records. What it can not record is not done.
type gate struct {
	source *policy.Source
	host   map[string]uint64 // namespaces
	log    recorder
	seen   *telemetry
	tapes  tapes
	ran    programs
	layers layers // nil: nobody tells
	denied denials
	all    *together

	mu   sync.Mutex
	used map[string]int // operations under way, by who and rule
}

var _ engine.Gate = (*gate)(nil)

// errNobody reports work that no call is for.
var errNobody = errors.New("nobody asks for it")

// Begin is engine.Gate's.
func (g *gate) Begin(ctx context.Context, op engine.Operation) (end func(engine.Outcome), err error) {
	w := server.WorkOf(ctx)
	if w == nil || w.Caller == nil {
		return nil, errNobody
	}
	look := g.seen.gate(ctx, &op)
	defer func() { look.done(err) }()
	if err := g.denied.allow(w.Caller); err != nil {
		return nil, err
	}
	p := g.source.Policy()
	d := p.Decide(*w.Caller, policy.Ask{Operation: op, Reason: w.Reason, Host: g.host})
	a := &admission{gate: g, work: w, op: &op, decision: d, digest: p.Digest()}
	err = a.check()
	look.decided()
	if err != nil {
		return nil, errors.Join(err, a.refuse(ctx, err))
	}
	if err := a.begin(ctx); err != nil {
		a.release()
		return nil, err
	}
	return a.end, nil
}

// admission is an operation that is let in, or not.
type admission struct {
	gate     *gate
	work     *server.Work
	op       *engine.Operation
	decision policy.Decision
	digest   string // of the policy

	id    string // in the record
	place string // in gate.used; "": none
	give  func() // back what all may have together; nil: nothing is taken
	tape  *tape
	ran   *watched
	begun time.Time // zero: it was not
}

// check decides: by the policy, then by the limits of its rule that no operation tells of.
func (a *admission) check() error {
	limits := a.decision.Limits
	switch {
	case !a.decision.Allowed:
		return a.refusal(fault.Refused, "%s", a.decision.Why)
	case limits.Ring > 0 && a.op.Capture != nil && ring(a.work) > limits.Ring:
		return a.refusal(fault.Refused, "%s, but its limit of ring is %d bytes, and %d are asked for: take a smaller buffer with -B", a.decision.Why, limits.Ring, ring(a.work))
	case a.op.Session != nil && a.gate.ran.needed() != nil:
		return a.refusal(fault.NoRecord, "what it starts can not be recorded: %w", a.gate.ran.needed())
	}
	if err := a.count(limits.Sessions); err != nil {
		return err
	}
	var err error
	if a.give, err = a.gate.all.take(a); err != nil {
		a.release()
	}
	return err
}

// ring is how much of the host's memory a capture takes.
func ring(w *server.Work) int64 {
	if w.Ring > 0 {
		return w.Ring
	}
	return capture.DefaultRingSize
}

func (a *admission) refusal(kind fault.Kind, format string, args ...any) error {
	name := a.op.Target.Name
	return fault.New(kind, name, "%s of %q is refused: %w", a.op.Verb, printable.Escape(name), fmt.Errorf(format, args...))
}

// count takes a place under the rule.
func (a *admission) count(most int) error {
	g := a.gate
	place := a.work.Caller.ID() + "\x00" + a.decision.Rule
	g.mu.Lock()
	defer g.mu.Unlock()
	if most > 0 && g.used[place] >= most {
		return a.refusal(fault.TooMany, "%s, but %d at once are its limit", a.decision.Why, most)
	}
	g.used[place]++
	a.place = place
	return nil
}

// release gives back what check and begin have taken.
func (a *admission) release() {
	if a.give != nil {
		a.give()
		a.give = nil
	}
	if a.place != "" {
		a.gate.mu.Lock()
		defer a.gate.mu.Unlock()
		if a.gate.used[a.place]--; a.gate.used[a.place] == 0 {
			delete(a.gate.used, a.place)
		}
		a.place = ""
	}
}

// refuse records that nothing was done, and counts it against who has asked.
func (a *admission) refuse(ctx context.Context, why error) error {
	record, last := a.gate.denied.note(a.work.Caller)
	if !record {
		return nil // that there may be more is recorded
	}
	e := a.entry(audit.KindRefused)
	e.Outcome = &audit.Outcome{Error: why.Error()}
	if k := a.work.Kept; k != nil && a.work.Resumed != "" {
		e.Text = "the capture " + k.ID() + " does not go on"
	}
	if last {
		e.Text = "what else is refused before the minute is over is not recorded"
	}
	_, err := a.gate.log.Append(ctx, e)
	return err
}

// begin records the operation, and its session if that is wanted, before anything is done.
func (a *admission) begin(ctx context.Context) (err error) {
	a.id = a.work.NextID()
	if a.tape, err = a.gate.tapes.begin(a.id, a.work, a.op); err != nil {
		return err
	}
	if a.ran, err = a.gate.ran.begin(a); err != nil {
		return errors.Join(err, a.tape.discard())
	}
	e := a.entry(audit.KindBegin)
	e.Recording, e.Ran = a.tape.entry(), a.ran.entry()
	beginKept(a.work, &e)
	if _, err := a.gate.log.Append(ctx, e); err != nil {
		_ = a.ran.end()
		return errors.Join(err, a.tape.discard())
	}
	a.begun = time.Now()
	a.tape.roll(a.work)
	a.work.Limit(a.decision.Limits.Time, a.decision.Limits.Bytes)
	a.work.Slow(limiter(a.decision.Limits.Rate), a.gate.all.rate)
	return nil
}

// end records what has become of it. Who waits for that has gone, or is told by the session's end.
func (a *admission) end(o engine.Outcome) {
	defer a.release()
	e := a.entry(audit.KindEnd)
	e.Outcome, e.Ran = outcome(a.op, &o, a.work), a.ran.end()
	a.recordChanges(&e)
	var err error
	if e.Recording, err = a.tape.close(); err != nil {
		e.Text = err.Error()
	}
	endKept(a.work, &o, &e)
	if _, err := a.gate.log.Append(context.Background(), e); err != nil {
		a.work.End(err) // nothing more begins, either
	}
}

// outcome is an operation's as the record has it.
func outcome(op *engine.Operation, o *engine.Outcome, w *server.Work) *audit.Outcome {
	out := &audit.Outcome{}
	if o.Err != nil {
		out.Error = o.Err.Error()
	}
	if op.Verb == engine.VerbDebug && o.Err == nil {
		out.Exit = &o.Status
	}
	out.Bytes = w.Sent()
	if o.Stats != nil {
		out.Bytes, out.Packets, out.Drops = o.Stats.Bytes, o.Stats.Captured, o.Stats.Dropped
	}
	return out
}

// entry is what is known of the operation.
func (a *admission) entry(kind audit.Kind) audit.Entry {
	op, d := a.op, a.decision
	e := audit.Entry{
		Kind: kind, ID: a.id, Who: whoEntry(a.work.Caller), Verb: string(op.Verb), Trace: a.work.Trace, Reason: a.work.Reason,
		Decision: &audit.Decision{Allowed: d.Allowed, Rule: d.Rule, Policy: "sha256:" + a.digest, Why: d.Why},
		Target: &audit.Target{
			Subject: string(op.Subject), Runtime: op.Target.Runtime, ID: op.Target.ID, Name: op.Target.Name, Image: op.Target.Image,
		},
	}
	if p := op.Process; p != nil {
		e.Target.PID, e.Target.Started, e.Target.Namespaces = p.PID, p.Started, maps.Clone(p.Namespaces)
	}
	if s := op.Session; s != nil {
		e.Session = &audit.Session{
			FS: string(s.FS), UID: s.User.UID, GID: s.User.GID, Groups: s.User.Groups, Command: slices.Clone(s.Command), Dir: s.Dir, TTY: s.TTY,
			ReadOnly: s.ReadOnly, Devices: s.Devices, Restraints: &s.Restraints,
		}
	}
	if c := op.Capture; c != nil {
		e.Capture = &audit.Capture{Interface: c.Interface, Filter: c.Filter, SnapLen: c.SnapLen}
	}
	for _, p := range op.Toolboxes {
		e.Toolboxes = append(e.Toolboxes, audit.Toolbox{Name: p.Name, Version: p.Version, Digest: p.Digest, Key: p.Key})
	}
	return e
}

func whoEntry(c *identity.Caller) *audit.Who {
	who := &audit.Who{User: c.Name, How: string(c.Known), From: c.From, Key: c.Key}
	if c.Known == identity.PeerCredentials {
		who.UID = &c.UID
	}
	return who
}
