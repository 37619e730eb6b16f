package agent

import (
	"os"

	"dlx/agent/server"
	"dlx/record/audit"
)

// readRecord reads the agent's own record, from its files.
func readRecord(dir string) server.ReadRecord {
	return func(filter audit.Filter, f func(*audit.Entry) error) (int, error) {
		return audit.Read(os.DirFS(dir), filter, f)
	}
}
