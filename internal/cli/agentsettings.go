package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"dlx/agent/settings"
	"dlx/agent/status"
	"dlx/agent/trace"
	"dlx/internal/strictyaml"
	"dlx/toolbox"
)

const (
	defaultConfig = toolbox.SystemConfig + "/agent.yaml"
	// agentPrefix is that of the agent's own variables. Those of DLX_AGENT are its clients'.
	agentPrefix    = "DLX_AGENTD_"
	configVariable = agentPrefix + "CONFIG"
)

// agentTable is what can be set of an agent, as flags that were parsed have it.
func agentTable(flags *pflag.FlagSet) *settings.Table {
	known := newAgentFlags()
	var not []string
	flags.VisitAll(func(f *pflag.Flag) {
		if known.Lookup(f.Name) == nil {
			not = append(not, f.Name) // that say how dlx is called
		}
	})
	return &settings.Table{Flags: flags, New: newAgentFlags, Prefix: agentPrefix, Not: not, Checks: map[string]func(string) error{
		"record":    func(s string) error { return oneOf(s, "terminals", "all", "none") },
		"log-level": func(s string) error { return oneOf(s, "debug", "info", "warn", "error") },
		"witness":   checkWitness,
		"metrics": func(s string) error {
			if _, err := status.ParseAddress(s); err != nil {
				return fmt.Errorf("takes unix:///PATH or HOST:PORT, not %q", s)
			}
			return nil
		},
		"otlp": func(s string) error {
			if _, err := trace.ParseEndpoint(s, func(string) string { return "" }); err != nil {
				return errors.New("takes http://HOST:PORT or https://HOST:PORT, without a user in it") // who may be a secret
			}
			return nil
		},
	}}
}

// newAgentFlags are the flags of nobody.
func newAgentFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("agent", pflag.ContinueOnError)
	new(agentOptions).flags(flags)
	return flags
}

func oneOf(s string, words ...string) error {
	if slices.Contains(words, s) {
		return nil
	}
	last := len(words) - 1
	return fmt.Errorf("takes %s or %s, not %q", strings.Join(words[:last], ", "), words[last], s)
}

func checkWitness(s string) error {
	socket, local := strings.CutPrefix(s, "unix://")
	address, far := strings.CutPrefix(s, "tcp://")
	if local && filepath.IsAbs(socket) || far && strings.Contains(address, ":") {
		return nil
	}
	return fmt.Errorf("takes unix:///PATH or tcp://HOST:PORT, not %q", s)
}

// loadAgent sets what flags leave open by the file and the environment. strangers are variables
// that look like settings, and are none.
func (a *app) loadAgent(o *agentOptions, flags *pflag.FlagSet) (values []settings.Value, strangers []string, err error) {
	environ := slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, configVariable+"=") })
	name, named := o.config, true
	if name == "" {
		name = os.Getenv(configVariable)
	}
	if name == "" {
		name, named = defaultConfig, false
	}
	data, _, err := strictyaml.ReadFile(name)
	if !named && errors.Is(err, fs.ErrNotExist) {
		data, err = nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	values, strangers, err = agentTable(flags).Load(name, data, environ)
	if list, ok := errors.AsType[strictyaml.Errors](err); ok {
		return nil, nil, a.mistakes(list, "configuration "+name)
	}
	if wrong, ok := errors.AsType[*settings.Error](err); ok {
		err = &usageError{wrong}
	}
	return values, strangers, err
}
