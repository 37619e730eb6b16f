package cli

import (
	"context"
	"os"

	"dlx/agent/client"
	"dlx/record"
	"dlx/record/audit"
)

// readRecord is audit.Read of a record.
type readRecord func(filter audit.Filter, f func(*audit.Entry) error) (bad int, err error)

// withRecord has f read the record in a directory. Without one it is that of the agent which does
// the work, or this machine's.
func (a *app) withRecord(ctx context.Context, dir string, f func(readRecord) error) error {
	if dir == "" {
		where, err := a.agent()
		if err != nil {
			return err
		}
		if where.address != "" {
			return a.withAgent(func(c *client.Client) error {
				return f(func(filter audit.Filter, each func(*audit.Entry) error) (int, error) {
					return c.Audit(ctx, filter, each)
				})
			})
		}
		dir = stateDir(record.AuditDir)
	}
	if err := a.giveUp("audit", ""); err != nil {
		return err
	}
	return f(func(filter audit.Filter, each func(*audit.Entry) error) (int, error) {
		return audit.Read(os.DirFS(dir), filter, each)
	})
}
