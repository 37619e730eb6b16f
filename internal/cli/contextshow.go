package cli

import (
	"github.com/spf13/cobra"

	"dlx/agent/contexts"
)

// contextView is a context as it is printed.
type contextView struct {
	Name        string `json:"name"`
	Current     bool   `json:"current"`
	Agent       string `json:"agent"`
	Cert        string `json:"cert,omitempty"`
	Key         string `json:"key,omitempty"`
	CA          string `json:"ca,omitempty"`
	Description string `json:"description,omitempty"`
}

// defaultView is what does the work without a context.
func defaultView(current string) contextView {
	return contextView{
		Name: contexts.Default, Current: current == contexts.Default, Agent: noAgent,
		Description: "this host's own agent for who has no privileges, or no agent",
	}
}

func viewOf(c *contexts.Context, current string) contextView {
	return contextView{c.Name, c.Name == current, c.Agent, c.Files.Cert, c.Files.Key, c.Files.CA, c.Description}
}

func (a *app) contextListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "list contexts; the one that does the work has a *",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			store, err := userContexts()
			if err != nil {
				return err
			}
			current, err := store.Current()
			if err != nil {
				return err
			}
			all, lerr := store.List()
			views := []contextView{defaultView(current)}
			for i := range all {
				views = append(views, viewOf(&all[i], current))
			}
			if err := a.print(output, views, func() error { return a.printContexts(views) }); err != nil {
				return err
			}
			return lerr
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) printContexts(views []contextView) error {
	t := a.table("NAME", "AGENT", "DESCRIPTION")
	for _, v := range views {
		name := v.Name
		if v.Current {
			name += " *"
		}
		t.row([]string{name, v.Agent, orDash(v.Description)})
	}
	return t.flush()
}

func (a *app) contextShowCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:               "show [NAME]",
		Short:             "show a context, or the one of `dlx context use`",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeContexts(1, contexts.Default),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := userContexts()
			if err != nil {
				return err
			}
			current, err := store.Current()
			if err != nil {
				return err
			}
			name := current
			if len(args) > 0 {
				name = args[0]
			}
			view := defaultView(current)
			if name != contexts.Default && name != contexts.None {
				c, err := store.Get(name)
				if err != nil {
					return err
				}
				view = viewOf(c, current)
			}
			return a.print(output, view, func() error { return a.printContext(&view) })
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) printContext(v *contextView) error {
	t := a.table("NAME", v.Name)
	for _, row := range [][2]string{{"AGENT", v.Agent}, {"CERTIFICATE", v.Cert}, {"KEY", v.Key}, {"CA", v.CA}, {"DESCRIPTION", v.Description}} {
		if row[1] != "" {
			t.row(row[:])
		}
	}
	return t.flush()
}
