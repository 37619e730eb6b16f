package cli

import (
	"errors"
	"fmt"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
)

// byteSize is a flag such as 512m or 1g.
type byteSize int64

func (b *byteSize) Set(s string) error {
	n, err := units.RAMInBytes(s)
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is no size such as 512m or 1g", s)
	}
	*b = byteSize(n)
	return nil
}

func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return units.BytesSize(float64(*b))
}

func (*byteSize) Type() string { return "size" }

// targetArgs wants at least n targets.
func targetArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n || cmd.ArgsLenAtDash() >= 0 && cmd.ArgsLenAtDash() < n {
			return &usageError{errors.New("no TARGET given")}
		}
		return nil
	}
}

// exactArgs wants exactly n arguments.
func exactArgs(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return &usageError{fmt.Errorf("takes %d arguments, got %d", n, len(args))}
		}
		return nil
	}
}

// toolboxFlag adds the flag that brings toolboxes along; verb is what is done with them.
func (a *app) toolboxFlag(cmd *cobra.Command, list *[]string, verb string) {
	cmd.Flags().StringArrayVar(list, "toolbox", nil, verb+" a toolbox above the one that comes with dlx: NAME or NAME@VERSION of the list of kept ones, a file or a folder; can be given more than once")
	if err := cmd.RegisterFlagCompletionFunc("toolbox", a.completeToolbox); err != nil {
		panic(err)
	}
}

// mustComplete sets a flag's completions; it can only fail for a flag that is not there.
func mustComplete(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}
