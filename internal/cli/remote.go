package cli

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dlx/agent/client"
	"dlx/agent/tlsid"
	"dlx/engine"
	"dlx/internal/version"
)

// noAgent is the address that stands for none.
const noAgent = "none"

// remoteOptions say which agent does the work, and why it is done.
type remoteOptions struct {
	address, context, reason string
	files                    tlsid.Files

	flags *pflag.FlagSet // of which the command line may have some
}

func (a *app) remoteFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&a.remote.address, "agent", os.Getenv("DLX_AGENT"), "have an agent do it: unix:///PATH, ssh://[USER@]HOST, HOST:PORT, or none; $DLX_AGENT")
	flags.StringVar(&a.remote.context, "context", os.Getenv("DLX_CONTEXT"), "have the agent of a context do it (`dlx context`); $DLX_CONTEXT")
	flags.StringVar(&a.remote.files.Cert, "agent-cert", os.Getenv("DLX_AGENT_CERT"), "the user's certificate for HOST:PORT; $DLX_AGENT_CERT")
	flags.StringVar(&a.remote.files.Key, "agent-key", os.Getenv("DLX_AGENT_KEY"), "its key; $DLX_AGENT_KEY")
	flags.StringVar(&a.remote.files.CA, "agent-ca", os.Getenv("DLX_AGENT_CA"), "who signs the agent's; $DLX_AGENT_CA")
	flags.StringVar(&a.remote.reason, "reason", os.Getenv("DLX_REASON"), "why, for the agent's record; $DLX_REASON")
	a.remote.flags = flags
	if err := root.RegisterFlagCompletionFunc("context", a.completeContext); err != nil {
		panic(err)
	}
}

// typed says whether the command line has a flag, and not a variable alone.
func (o *remoteOptions) typed(flag string) bool { return o.flags.Changed(flag) }

// place is where an agent is that does the work.
type place struct {
	address string // "": there is none, this program does it
	files   tlsid.Files
	found   bool // nobody has named it: it is the host's own
}

// agent is the agent that does the work. What the command line says goes before variables, as with
// Docker's contexts, and a context that is always meant behind both. Without any of them a host's
// own is asked by who has no privileges here, and may connect to it.
func (a *app) agent() (place, error) {
	o := &a.remote
	switch {
	case o.typed("agent") && o.typed("context"):
		return place{}, &usageError{errors.New("--agent and --context do not go together")}
	case o.address != "" && !o.typed("context"):
		if o.address == noAgent {
			return place{}, nil
		}
		return place{address: o.address, files: o.files}, nil
	}
	in, err := a.context()
	switch {
	case err != nil:
		return place{}, err
	case in != nil:
		return place{address: in.Agent, files: o.filesOf(in)}, nil
	case mayAskLocalAgent():
		return place{address: "unix://" + client.LocalSocket, found: true}, nil
	}
	return place{}, nil
}

// engine is what does the work.
func (a *app) engine() (engine.Engine, error) {
	where, err := a.agent()
	switch {
	case err != nil:
		return nil, err
	case where.address == "":
		return a.newEngine()
	case where.found:
		a.notef("the agent at %s does it; --agent none does without it", where.address)
	}
	return a.dial(where)
}

// dial is an agent at a place.
func (a *app) dial(where place) (*client.Client, error) {
	address, err := client.ParseAddress(where.address)
	if err != nil {
		return nil, err
	}
	address = client.WithFiles(address, where.files)
	return client.New(client.Options{Address: address, Reason: a.remote.reason, Version: version.String(), Parent: os.Getenv("TRACEPARENT")}), nil
}
