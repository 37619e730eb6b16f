package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"dlx/agent/policy"
	"dlx/internal/printable"
	"dlx/internal/strictyaml"
	"dlx/toolbox"
)

func (a *app) agentPolicyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "check a policy file, and say what it allows",
		Args:  exactArgs(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.policyCheckCommand(), a.policyExplainCommand())
	return cmd
}

func (a *app) policyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "check a policy file, and say all that is wrong in it",
		Args:  exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.giveUp("policy", ""); err != nil {
				return err
			}
			return a.checkPolicy(args[0])
		},
	}
}

// checkPolicy says what is wrong with a policy, each mistake on a line, and with the place where
// the file lies.
func (a *app) checkPolicy(file string) error {
	p, err := readPolicy(file)
	if list, ok := errors.AsType[strictyaml.Errors](err); ok {
		return a.mistakes(list, "policy "+file)
	}
	if err != nil {
		return err
	}
	if err := toolbox.CheckOwners(file); err != nil {
		a.notef("an agent would not take it from here: %v", err)
	}
	allowing, denying := p.Count()
	return a.printf("%s: %d rules that allow, %d that deny; sha256:%s\n", printable.Escape(file), allowing, denying, p.Digest())
}

// mistakes tells of those in a file, each on a line.
func (a *app) mistakes(list strictyaml.Errors, what string) error {
	for _, e := range list {
		a.notef("%v", e)
	}
	return fmt.Errorf("%d mistakes in the %s", len(list), what)
}

// readPolicy reads any file as a policy, whomever it belongs to.
func readPolicy(file string) (p *policy.Policy, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // was only read
	data, err := io.ReadAll(io.LimitReader(f, policy.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	return policy.Parse(file, data)
}
