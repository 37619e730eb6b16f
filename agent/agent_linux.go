package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dlx/agent/captures"
	"dlx/agent/identity"
	"dlx/agent/policy"
	"dlx/agent/server"
	"dlx/agent/tlsid"
	"dlx/agent/trace"
	"dlx/engine"
	"dlx/fault"
	"dlx/record"
	"dlx/record/audit"
	"dlx/record/cast"
	"dlx/record/ran"
	"dlx/target"
)

// Config is an agent's. Its owner has root's privileges, and is where the containers are.
type Config struct {
	Socket string // where it listens
	Group  string // who may connect beside root; "": nobody
	TCP    string // HOST:PORT, for who shows a certificate; "": nowhere
	TLS    tlsid.Files
	Policy string // the file
	State  string // directory of what outlives the agent
	// Record says which sessions are recorded; Input, that what is typed is recorded too.
	Record What
	Input  bool
	Keep   cast.Keep // recordings
	// Captures bound those that go on without their clients.
	Captures captures.Limits
	Most     Most // of all callers together
	// Witness gets the record's checkpoints; with NeedWitness nothing is begun whose it has not
	// taken.
	Witness     audit.Sink
	NeedWitness bool
	// NeedPrograms lets no session begin whose programs the kernel can not tell of.
	NeedPrograms bool
	watch        func() (*ran.Watcher, error) // nil: by the kernel
	// Engine makes the engine that does the work, and asks the gate.
	Engine  func(gate engine.Gate) engine.Engine
	Version string
	Log     *slog.Logger
	// Metrics is where metrics and health are told: unix:///PATH or HOST:PORT; "": nowhere.
	Metrics string
	Traces  *trace.Endpoint // takes spans; nil: nobody does
}

// Times of what goes on beside the work.
const (
	pollEvery  = time.Second // the policy's file
	sweepEvery = 10 * time.Minute
	stopLimit  = 30 * time.Second
)

// Agent is one that does not listen yet.
type Agent struct {
	c      Config
	source *policy.Source
	log    *audit.Log
	engine engine.Engine
	server *server.Server
	ran    programs

	captures     *captures.Store
	certificates *tlsid.Reloader // for TCP

	seen  *telemetry
	state *condition
}

// New opens what an agent works with. Its owner closes it.
func New(c Config) (a *Agent, err error) {
	a = &Agent{c: c}
	if a.source, err = policy.Open(c.Policy); err != nil {
		return nil, err
	}
	host, err := hostNamespaces(c.Log)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of what outlives the agent: %w", err)
	}
	dir := filepath.Join(c.State, record.AuditDir)
	if a.log, err = audit.Open(dir, audit.Options{Program: c.Version, Sink: c.Witness, SinkRequired: c.NeedWitness}); err != nil {
		return nil, err
	}
	if c.TCP != "" {
		a.certificates, err = tlsid.ServerConfig(c.TLS, func(err error) { c.Log.Error("certificates are not as they should be", "error", err) })
		if err != nil {
			return nil, errors.Join(err, a.log.Close())
		}
	}
	a.ran = openPrograms(&c)
	a.seen = newTelemetry(c)
	g := &gate{
		source: a.source, host: host, log: timed{a.log, a.seen.metrics}, seen: a.seen, used: map[string]int{},
		tapes:  tapes{dir: filepath.Join(c.State, record.RecordingsDir), what: c.Record, input: c.Input},
		ran:    a.ran,
		denied: denials{now: time.Now, of: map[string]*denial{}}, all: newTogether(c.Most),
	}
	if a.captures, err = captures.Open(filepath.Join(c.State, record.CapturesDir), c.Captures, c.Log); err != nil {
		return nil, errors.Join(err, a.ran.close(), a.log.Close())
	}
	a.engine = c.Engine(g)
	g.layers, _ = a.engine.(layers)
	a.server = server.New(server.Options{
		Engine: a.engine, Version: c.Version, Log: c.Log, Allow: g.allow, Captures: a.captures, Note: a.noteCapture, Record: readRecord(dir), Watch: a.seen.watch,
		Enter: g.denied.allow,
	})
	a.state = newCondition(a)
	a.seen.metrics.Watch(a.state.state)
	return a, nil
}

// Close releases it. Nobody is served any more.
func (a *Agent) Close() error {
	a.state.engine.Close()
	err := errors.Join(a.engine.Close(), a.ran.close(), a.captures.Close(), a.log.Close())
	a.seen.tracer.Close()
	return err
}

// Run serves until ctx ends. ready is called when clients can connect.
func (a *Agent) Run(ctx context.Context, ready func()) (err error) {
	l, err := listen(a.c.Socket, a.c.Group)
	if err != nil {
		return err
	}
	quiet, err := a.state.serve()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	systemd, err := newNotifier()
	if err != nil {
		return errors.Join(err, l.Close(), quiet())
	}
	defer func() { err = errors.Join(err, systemd.close()) }()
	a.server.ResumeCaptures(a.certificates)
	served := make(chan error, 2)
	if a.certificates != nil {
		far, err := net.Listen("tcp", a.c.TCP)
		if err != nil {
			return errors.Join(fmt.Errorf("listen: %w", err), l.Close(), quiet())
		}
		go func() { served <- a.server.ServeTLS(far, a.certificates) }()
	}
	go func() { served <- a.server.Serve(l) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var beside sync.WaitGroup
	beside.Go(func() { a.watch(ctx) })
	beside.Go(func() { a.sweep(ctx) })
	a.state.listening.Store(true)
	a.notify(systemd, "READY=1")
	ready()
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	a.state.stopping.Store(true) // before anything ends: nobody is to send more work
	a.notify(systemd, "STOPPING=1")
	cancel()
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer done()
	err = errors.Join(err, a.server.Shutdown(stop))
	beside.Wait()
	return errors.Join(err, quiet())
}

// watch takes a policy that has changed, and has all end when the record is gone.
func (a *Agent) watch(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	lost := a.log.Lost()
	for {
		select {
		case <-ctx.Done():
			return
		case <-lost:
			lost = nil
			a.c.Log.ErrorContext(ctx, "the record is gone: nothing is done any more", "error", a.log.Err())
			a.server.EndAll(a.log.Err())
		case <-tick.C:
			a.poll(ctx)
		}
	}
}

func (a *Agent) poll(ctx context.Context) {
	switch changed, err := a.source.Poll(); {
	case err != nil:
		a.seen.metrics.Reloaded(err)
		a.c.Log.ErrorContext(ctx, "the new policy is not taken: the old one holds", "file", a.c.Policy, "error", err)
	case changed:
		a.seen.metrics.Reloaded(nil)
		a.c.Log.InfoContext(ctx, "the policy has changed", "file", a.c.Policy, "digest", a.source.Policy().Digest())
	}
}

// sweep removes recordings that are too old, or too many.
func (a *Agent) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		removed, err := cast.Sweep(filepath.Join(a.c.State, record.RecordingsDir), a.c.Keep, time.Now())
		if len(removed) > 0 {
			e := audit.Entry{Kind: audit.KindSweep}
			for _, one := range removed {
				e.Removed = append(e.Removed, one.ID)
			}
			_, rerr := a.log.Append(ctx, e)
			err = errors.Join(err, rerr)
		}
		if err != nil && ctx.Err() == nil {
			a.c.Log.WarnContext(ctx, "recordings are not removed", "error", err)
		}
		a.sweepCaptures(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// allow is what the server asks about verbs of its own. They are not recorded: nothing is done to a
// container.
func (g *gate) allow(ctx context.Context, verb string, c *target.Info) error {
	caller := identity.Of(ctx)
	if caller == nil {
		return errNobody
	}
	op := engine.Operation{Verb: engine.Verb(verb)}
	if c != nil {
		op.Target, op.Subject = *c, engine.SubjectContainer
	}
	d := g.source.Policy().Decide(*caller, policy.Ask{Operation: op, Host: g.host})
	if !d.Allowed {
		return fault.New(fault.Refused, op.Target.Name, "%s is refused: %s", verb, d.Why)
	}
	return nil
}
