package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/internal/printable"
	"dlx/target"
)

func (a *app) psCommand() *cobra.Command {
	var output string
	var netns bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "list the containers that dlx can reach",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if netns {
				return a.runPsNetns(cmd.Context(), output)
			}
			return a.runPs(cmd.Context(), output)
		},
	}
	cmd.Flags().BoolVar(&netns, "netns", false, "list the network namespaces that have names, for netns://NAME and netns:///PATH")
	outputFlag(cmd, &output)
	return cmd
}

// outputFlag adds -o to a command that prints a table.
func outputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "table", "table or json")
	mustComplete(cmd, "output", "table", "json")
}

func (a *app) runPs(ctx context.Context, output string) error {
	if err := a.giveUp("ps", ""); err != nil {
		return err
	}
	return a.withEngine(func(e engine.Engine) error {
		list, err := e.List(ctx) // those of the runtimes that answer
		if len(list) == 0 && err != nil {
			return err
		}
		return errors.Join(a.print(output, list, func() error { return a.printContainers(list) }), err)
	})
}

// print writes a value as JSON, or by table.
func (a *app) print(output string, value any, table func() error) error {
	switch output {
	case "table":
		return table()
	case "json":
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s\n", printable.JSON(text))
		return err
	}
	return &usageError{fmt.Errorf("no output format %q: there is table and json", output)}
}

func (a *app) printContainers(list []engine.Container) error {
	t := a.table("NAME", "ID", "PID", "RUNTIME", "STATE", "IMAGE", "SHELL")
	for _, c := range list {
		t.row([]string{c.Name, c.ShortID(), strconv.Itoa(c.PID), runtimeOf(&c.Info), string(c.State), c.Image, orDash(c.Shell)})
	}
	return t.flush()
}

// runtimeOf is a container's runtime, with the user whose it is if that is not root.
func runtimeOf(c *target.Info) string {
	if c.Owner != 0 {
		return fmt.Sprintf("%s/%d", c.Runtime, c.Owner)
	}
	return c.Runtime
}
