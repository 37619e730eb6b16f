package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"dlx/agent/client"
	"dlx/internal/printable"
)

func (a *app) sessionsCommand() *cobra.Command {
	var output string
	var watch bool
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "list an agent's sessions and captures: one's own, or all",
		Long: "Lists what an agent has under way: one's own, or all if the policy allows that. With --watch the list is printed again\n" +
			"whenever it has changed, until Ctrl-C; with -o json each list is one line.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAgent(func(c *client.Client) error {
				if watch {
					return a.watchSessions(cmd.Context(), c, output)
				}
				list, err := c.Sessions(cmd.Context())
				if err != nil {
					return err
				}
				return a.printSessions(list, output)
			})
		},
	}
	outputFlag(cmd, &output)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on, and print the list again when it has changed")
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

// watchSessions prints the list until the user has seen enough. On a terminal it is in the place of
// the one before.
func (a *app) watchSessions(ctx context.Context, c *client.Client, output string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	onTerminal := isTerminal(a.stdout)
	err := c.WatchSessions(ctx, func(list []client.Session) error {
		if output == "json" {
			text, err := json.Marshal(append([]client.Session{}, list...))
			if err != nil {
				return err
			}
			return a.printf("%s\n", printable.JSON(text))
		}
		if onTerminal {
			if err := a.printf("%s", clearScreen); err != nil {
				return err
			}
		}
		return a.printSessions(list, output)
	})
	if ctx.Err() != nil {
		return nil // as it was meant to end
	}
	return err
}

// clearScreen puts the cursor into the corner and clears what is behind it (console_codes(4)).
const clearScreen = "\x1b[H\x1b[J"

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
