package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"dlx/agent/client"
)

func (a *app) sessionsCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "list an agent's sessions and captures: one's own, or all",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAgent(func(c *client.Client) error {
				list, err := c.Sessions(cmd.Context())
				if err != nil {
					return err
				}
				return a.printSessions(list, output)
			})
		},
	}
	outputFlag(cmd, &output)
	cmd.AddCommand(&cobra.Command{
		Use:   "end ID",
		Short: "end one",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAgent(func(c *client.Client) error { return c.EndSession(cmd.Context(), args[0]) })
		},
	})
	return cmd
}

// withAgent is withEngine for what agents alone have.
func (a *app) withAgent(f func(*client.Client) error) error {
	where, err := a.agent()
	if err != nil {
		return err
	}
	if where.address == "" {
		where.address = "unix://" + client.LocalSocket
	}
	c, err := a.dial(where)
	if err != nil {
		return err
	}
	return errors.Join(f(c), c.Close())
}

func (a *app) printSessions(list []client.Session, output string) error {
	return a.print(output, list, func() error {
		t := a.table("ID", "USER", "VERB", "TARGETS", "FOR", "SENT", "REASON")
		for _, s := range list {
			t.row([]string{
				s.ID, s.User, s.Verb, strings.Join(s.Targets, " "), units.HumanDuration(time.Since(s.Started)), units.BytesSize(float64(s.Bytes)),
				s.Reason,
			})
		}
		return t.flush()
	})
}
