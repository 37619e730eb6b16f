package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"dlx/agent"
	"dlx/agent/logs"
	"dlx/agent/trace"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/version"
	"dlx/record/audit"
	"dlx/record/cast"
	"dlx/toolbox"
)

// runAgent serves until a signal.
func (a *app) runAgent(ctx context.Context, o agentOptions, strangers []string) (err error) {
	level, err := logs.ParseLevel(o.logLevel)
	if err != nil {
		return err
	}
	traces, err := trace.ParseEndpoint(o.otlp, os.Getenv)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fault.New(fault.NoPrivileges, "", "an agent runs as root")
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := logs.New(a.stderr, level)
	for _, name := range strangers {
		log.WarnContext(ctx, "a variable is no setting", "variable", name)
	}
	state := os.Getenv("DLX_STATE_DIR")
	if state == "" {
		state = engine.DefaultState
	}
	served, err := agent.New(agent.Config{
		Socket: o.socket, Group: o.group, TCP: o.tcp, TLS: o.tls, Policy: o.policy, State: state, Record: agent.What(o.record), Input: o.input,
		Keep: cast.Keep{MaxAge: o.keepAge, MaxBytes: int64(o.keepSize)}, Version: version.String(), Log: log, Witness: witnessAt(o.witness), NeedWitness: o.needWitness, NeedPrograms: o.needPrograms,
		Captures: o.captures.limits(), Most: agent.Most{Sessions: o.most.sessions, Captures: o.most.captures, Ring: int64(o.most.ring), Rate: int64(o.most.rate)}, Metrics: o.metrics, Traces: traces,
		Engine: func(gate engine.Gate) engine.Engine {
			return engine.NewLocal(engine.LocalOptions{Runtimes: runtimes(os.Getenv), State: state, Configs: []string{toolbox.SystemConfig}, KeepReady: true, Gate: gate})
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, served.Close()) }()
	return served.Run(ctx, func() {
		log.InfoContext(ctx, "the agent listens", "socket", o.socket, "policy", o.policy, "version", version.String())
	})
}

// witnessAt is where checkpoints go; nil for "". The text was checked.
func witnessAt(text string) audit.Sink {
	if socket, local := strings.CutPrefix(text, "unix://"); local {
		return audit.ToSyslog(socket)
	}
	if address, far := strings.CutPrefix(text, "tcp://"); far {
		return audit.ToNetwork("tcp", address)
	}
	return nil
}
