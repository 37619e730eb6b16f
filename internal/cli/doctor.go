package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"dlx/engine"
)

func (a *app) doctorCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "say whether this host has what dlx needs",
		Args:  exactArgs(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.runDoctor(cmd.Context(), output) },
	}
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) runDoctor(ctx context.Context, output string) error {
	if done, err := a.asRoot(ctx, nil); done || err != nil {
		return err
	}
	return a.withEngine(func(e engine.Engine) error {
		checks, err := e.Health(ctx)
		if err != nil {
			return err
		}
		for i := range checks {
			if !checks[i].OK {
				a.code = exitFailed
				checks[i].Advice = advice(&checks[i])
			}
		}
		return a.print(output, checks, func() error { return a.printChecks(checks) })
	})
}

func (a *app) printChecks(checks []engine.Check) error {
	for _, c := range checks {
		mark := "ok  "
		if !c.OK {
			mark = "FAIL"
		}
		line := fmt.Sprintf("%s  %-18s %s", mark, c.Name, c.Found)
		if c.Advice != "" {
			line += " -> " + c.Advice
		}
		if err := a.linef("%s", line); err != nil {
			return err
		}
	}
	return nil
}

// advice is what to do with dlx itself when a check is not OK.
func advice(c *engine.Check) string {
	switch h := hintOf(c.Err); {
	case c.Name == engine.CheckPrivileges:
		return "run dlx as root, with the host's pid namespace if it is in a container itself"
	case c.Name == engine.CheckToolbox:
		return "build dlx again with make"
	case c.Name == engine.CheckInjected && c.Err == nil:
		return "run `dlx eject --all`"
	case c.Advice == "" && h != "":
		return h
	case errors.Is(c.Err, fs.ErrPermission):
		return "run dlx as root"
	}
	return c.Advice
}
