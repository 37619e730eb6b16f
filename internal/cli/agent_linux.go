package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"dlx/agent"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/version"
	"dlx/record/audit"
	"dlx/record/cast"
	"dlx/toolbox"
)

// runAgent serves until a signal.
func (a *app) runAgent(ctx context.Context, o agentOptions) (err error) {
	what := agent.What(o.record)
	switch what {
	case agent.RecordTerminals, agent.RecordAll, agent.RecordNone:
	default:
		return &usageError{fmt.Errorf("--record takes terminals, all or none, not %q", o.record)}
	}
	witness, err := witnessAt(o.witness)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fault.New(fault.NoPrivileges, "", "an agent runs as root")
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(a.stderr, nil))
	state := os.Getenv("DLX_STATE_DIR")
	if state == "" {
		state = engine.DefaultState
	}
	served, err := agent.New(agent.Config{
		Socket: o.socket, Group: o.group, TCP: o.tcp, TLS: o.tls, Policy: o.policy, State: state, Record: what, Input: o.input,
		Keep: cast.Keep{MaxAge: o.keepAge, MaxBytes: int64(o.keepSize)}, Version: version.String(), Log: log, Witness: witness, NeedWitness: o.needWitness, NeedPrograms: o.needPrograms,
		Captures: o.captures.limits(),
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

// witnessAt is where checkpoints go; nil for "".
func witnessAt(text string) (audit.Sink, error) {
	socket, local := strings.CutPrefix(text, "unix://")
	address, far := strings.CutPrefix(text, "tcp://")
	switch {
	case text == "":
		return nil, nil //nolint:nilnil // there is none
	case local && filepath.IsAbs(socket):
		return audit.ToSyslog(socket), nil
	case far && strings.Contains(address, ":"):
		return audit.ToNetwork("tcp", address), nil
	}
	return nil, &usageError{fmt.Errorf("--witness takes unix:///PATH or tcp://HOST:PORT, not %q", text)}
}
