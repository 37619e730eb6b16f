package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/internal/printable"
)

func (a *app) completionCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "print a shell's completion script",
		Long:      "Prints a script that completes dlx's commands, flags and container names.",
		Example:   "  dlx completion bash > /etc/bash_completion.d/dlx\n  dlx completion zsh > \"${fpath[1]}/_dlx\"\n  dlx completion fish > ~/.config/fish/completions/dlx.fish",
		Args:      exactArgs(1),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(_ *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			}
			return &usageError{fmt.Errorf("no completion for shell %q: there is bash, zsh and fish", args[0])}
		},
	}
}

// completeLimit is how long a person waits for a completion.
const completeLimit = 2 * time.Second

// completeTarget completes the name of the one container that a command takes.
func (a *app) completeTarget(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeTargets(cmd, args, prefix)
}

// completeToolbox completes names of kept toolboxes. Where none fits, the shell completes files.
func (a *app) completeToolbox(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeLimit)
	defer cancel()
	var names []string
	_ = a.withEngine(func(e engine.Engine) error {
		list, err := e.ToolboxNames(ctx) // those that can be read
		for _, name := range list {
			if strings.HasPrefix(name, prefix) {
				names = append(names, printable.Escape(name))
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveDefault
}

// completeTargets completes the name of a container that is not among the arguments yet. A failure
// completes nothing: the shell has no place for an error.
func (a *app) completeTargets(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if slices.Contains(os.Args[:max(len(os.Args)-1, 0)], "--") { // a filter or a command; cobra's own dash hides it from ArgsLenAtDash
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeLimit)
	defer cancel()
	var names []string
	_ = a.withEngine(func(e engine.Engine) error {
		if strings.HasPrefix(prefix, netnsPrefix) {
			names = completeNetns(ctx, e, prefix)
			return nil
		}
		list, err := e.Names(ctx)
		for _, c := range list {
			if strings.HasPrefix(c.Name, prefix) && !slices.Contains(args, c.Name) {
				names = append(names, printable.Escape(c.Name)+"\t"+printable.Escape(c.Image))
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
