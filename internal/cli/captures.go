package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"dlx/agent/captures"
	"dlx/agent/client"
	"dlx/fault"
	"dlx/internal/printable"
)

func (a *app) capturesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "captures",
		Short: "list, fetch, stop and remove the captures that an agent keeps",
		Long: "`dlx capture --detach` leaves a capture to an agent, where it goes on without this program. These verbs are for one's own,\n" +
			"and for everybody's if the agent's policy allows `captures`.",
		Example: "  dlx capture --detach web -- port 80\n  dlx captures list\n  dlx captures fetch ID -w web.pcapng\n  dlx captures stop ID\n  dlx captures rm ID",
		Args:    exactArgs(0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.capturesListCommand(), a.capturesFetchCommand(), a.capturesStopCommand(), a.capturesRemoveCommand())
	return cmd
}

func (a *app) capturesListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list them, and what they lack",
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAgent(func(c *client.Client) error {
				list, err := c.Captures(cmd.Context())
				if err != nil {
					return err
				}
				return a.printCaptures(list, output)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) printCaptures(list []captures.Info, output string) error {
	if list == nil {
		list = []captures.Info{}
	}
	return a.print(output, list, func() error {
		t := a.table("ID", "USER", "TARGETS", "STARTED", "STATE", "SIZE", "PACKETS", "DROPPED", "GAPS", "WHY")
		for _, i := range list {
			t.row([]string{
				i.ID, i.User, strings.Join(append(i.Targets, i.Labels...), " "), i.Started.Local().Format(time.DateTime), state(&i), units.BytesSize(float64(i.Bytes)),
				strconv.FormatUint(i.Packets, 10), strconv.FormatUint(i.Dropped, 10), orDash(gaps(&i)), orDash(i.Why),
			})
		}
		return t.flush()
	})
}

// gaps says for how long nothing was captured.
func gaps(i *captures.Info) string {
	var all time.Duration
	for _, g := range i.Gaps {
		to := g.To
		if to.IsZero() {
			to = time.Now()
		}
		all += to.Sub(g.From)
	}
	if len(i.Gaps) == 0 {
		return ""
	}
	return fmt.Sprintf("%d, %s", len(i.Gaps), all.Round(time.Second))
}

func (a *app) capturesStopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop ID...",
		Short: "end captures; what they have is kept",
		Args:  someIDs, ValidArgsFunction: a.completeCaptures,
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.withAgent(func(c *client.Client) error {
				return each(ids, func(id string) error {
					i, err := c.StopCapture(cmd.Context(), id)
					if err == nil {
						a.notef("%s: %d packets, %s, %d dropped by kernel; %s", i.ID, i.Packets, units.BytesSize(float64(i.Bytes)), i.Dropped, i.Why)
					}
					return err
				})
			})
		},
	}
}

func (a *app) capturesRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm ID...",
		Short: "remove captures that have ended",
		Args:  someIDs, ValidArgsFunction: a.completeCaptures,
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.withAgent(func(c *client.Client) error {
				return each(ids, func(id string) error { return c.RemoveCapture(cmd.Context(), id) })
			})
		},
	}
}

// someIDs wants at least one.
func someIDs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return &usageError{errors.New("no ID given")}
	}
	return nil
}

// each does all, and returns all errors.
func each(ids []string, do func(id string) error) error {
	var errs []error
	for _, id := range ids {
		errs = append(errs, do(id))
	}
	return errors.Join(errs...)
}

// resumable adds to a cut what can be done about it.
func resumable(err error, id, file string) error {
	if !errors.Is(err, fault.Cut) || file == "-" {
		return err
	}
	return &fileError{err, fmt.Sprintf("`dlx captures fetch %s -w %s --continue` goes on from there", id, file)}
}

// completeCaptures completes the ID of a capture that is not among the arguments yet.
func (a *app) completeCaptures(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeLimit)
	defer cancel()
	var ids []string
	_ = a.withAgent(func(c *client.Client) error {
		list, err := c.Captures(ctx)
		for _, i := range list {
			if strings.HasPrefix(i.ID, prefix) && !slices.Contains(args, i.ID) {
				ids = append(ids, printable.Escape(i.ID)+"\t"+printable.Escape(strings.Join(append(i.Targets, i.Labels...), " ")))
			}
		}
		return err
	})
	return ids, cobra.ShellCompDirectiveNoFileComp
}
