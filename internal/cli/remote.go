package cli

import (
	"os"

	"github.com/spf13/cobra"

	"dlx/agent/client"
	"dlx/agent/tlsid"
	"dlx/engine"
	"dlx/internal/version"
)

// noAgent is the address that stands for none.
const noAgent = "none"

// remoteOptions say which agent does the work, and why it is done.
type remoteOptions struct {
	address, reason string
	files           tlsid.Files
}

func (a *app) remoteFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&a.remote.address, "agent", os.Getenv("DLX_AGENT"), "have an agent do it: unix:///PATH, ssh://[USER@]HOST, HOST:PORT, or none; $DLX_AGENT")
	flags.StringVar(&a.remote.files.Cert, "agent-cert", os.Getenv("DLX_AGENT_CERT"), "the user's certificate for HOST:PORT; $DLX_AGENT_CERT")
	flags.StringVar(&a.remote.files.Key, "agent-key", os.Getenv("DLX_AGENT_KEY"), "its key; $DLX_AGENT_KEY")
	flags.StringVar(&a.remote.files.CA, "agent-ca", os.Getenv("DLX_AGENT_CA"), "who signs the agent's; $DLX_AGENT_CA")
	flags.StringVar(&a.remote.reason, "reason", os.Getenv("DLX_REASON"), "why, for the agent's record; $DLX_REASON")
}

// agent is the address of the agent that does the work, "" if this program does. A host's own is
// asked by who has no privileges here, and may connect to it.
func (a *app) agent() string {
	switch {
	case a.remote.address == noAgent:
		return ""
	case a.remote.address != "":
		return a.remote.address
	case mayAskLocalAgent():
		return "unix://" + client.LocalSocket
	}
	return ""
}

// engine is what does the work.
func (a *app) engine() (engine.Engine, error) {
	text := a.agent()
	if text == "" {
		return a.newEngine()
	}
	if a.remote.address == "" {
		a.notef("the agent at %s does it; --agent none does without it", text)
	}
	return a.dial(text)
}

// dial is an agent at an address.
func (a *app) dial(text string) (*client.Client, error) {
	address, err := client.ParseAddress(text)
	if err != nil {
		return nil, err
	}
	address = client.WithFiles(address, a.remote.files)
	return client.New(client.Options{Address: address, Reason: a.remote.reason, Version: version.String(), Parent: os.Getenv("TRACEPARENT")}), nil
}
