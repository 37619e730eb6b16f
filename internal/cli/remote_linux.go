package cli

import (
	"os"

	"dlx/agent/client"
	"dlx/internal/linux"
	"dlx/internal/rootless"
)

// mayAskLocalAgent says whether this user lacks what the work takes, and may connect to the host's
// agent.
func mayAskLocalAgent() bool {
	if os.Geteuid() == 0 || rootless.Inside() {
		return false
	}
	caps, err := linux.Effective()
	return err == nil && !caps.Has(linux.CapSysAdmin) && linux.MayWrite(client.LocalSocket)
}
