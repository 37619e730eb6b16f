package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dlx/agent/contexts"
	"dlx/agent/tlsid"
	"dlx/fault"
)

// contextCommand is `dlx context`.
func (a *app) contextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "context",
		Short: "keep names for agents, and choose the one that does the work",
		Long: "Keeps where agents are, and the user's certificates for them, by names, in dlx's folder of the user's configuration.\n" +
			"--agent and --context of a command go before DLX_AGENT and DLX_CONTEXT, and these before the context of `dlx context use`.\n" +
			"A root process takes no notice of a folder that is not root's: a user's contexts do not steer `sudo dlx`.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.contextCreateCommand(), a.contextUseCommand(), a.contextListCommand(), a.contextShowCommand(), a.contextRemoveCommand())
	return cmd
}

// userContexts are those of who runs dlx.
func userContexts() (*contexts.Store, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("find the user's contexts: %w", err)
	}
	return contexts.At(filepath.Join(dir, "dlx", "contexts")), nil
}

// context is the one that a command is for, nil if there is none.
func (a *app) context() (*contexts.Context, error) {
	store, err := userContexts()
	name := a.remote.context
	switch {
	case err != nil && name == "": // who has no home has no contexts
		return nil, nil
	case err != nil:
		return nil, err
	case name == "":
		name, err = store.Current()
	}
	if a.remote.context == "" && notRoots(err) {
		a.notef("the contexts of this environment are not root's, and not used: %v", err)
		return nil, nil
	}
	if err != nil || name == contexts.Default || name == contexts.None {
		return nil, err
	}
	if err := contexts.CheckName(name); err != nil {
		return nil, &usageError{err}
	}
	return store.Get(name)
}

// notRoots says that root is led to what is somebody else's, as by sudo with the user's HOME
// (sudoers(5), env_keep).
func notRoots(err error) bool {
	return os.Geteuid() == 0 && (errors.Is(err, fault.NotOwned) || errors.Is(err, fault.Writable) || errors.Is(err, fs.ErrPermission))
}

// filesOf are a context's, unless the command line names others. Variables are for addresses.
func (o *remoteOptions) filesOf(c *contexts.Context) tlsid.Files {
	f := c.Files
	for _, one := range []struct {
		flag     string
		at, from *string
	}{{"agent-cert", &f.Cert, &o.files.Cert}, {"agent-key", &f.Key, &o.files.Key}, {"agent-ca", &f.CA, &o.files.CA}} {
		if o.typed(one.flag) {
			*one.at = *one.from
		}
	}
	return f
}

func (a *app) contextCreateCommand() *cobra.Command {
	var description string
	var replace bool
	cmd := &cobra.Command{
		Use:               "create NAME --agent ADDRESS",
		Short:             "keep an agent's address, and the user's certificate for it, by a name",
		Example:           "  dlx context create node1 --agent ssh://node1.example.org\n  dlx context create node2 --agent node2.example.org:7443 --agent-cert alice.crt --agent-key alice.key --agent-ca ca.crt",
		Args:              exactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			c := &contexts.Context{Name: args[0], Description: description, Agent: a.remote.address, Files: a.remote.files}
			if c.Agent == "" || c.Agent == noAgent {
				return &usageError{errors.New("--agent says where the agent is")}
			}
			if err := contexts.CheckName(c.Name); err != nil {
				return &usageError{err}
			}
			for _, name := range []*string{&c.Files.Cert, &c.Files.Key, &c.Files.CA} {
				if *name == "" {
					continue
				}
				var err error
				if *name, err = filepath.Abs(*name); err != nil {
					return err
				}
			}
			store, err := userContexts()
			if err != nil {
				return err
			}
			return store.Put(c, replace)
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "a line about it, for `dlx context ls`")
	cmd.Flags().BoolVar(&replace, "replace", false, "in place of one that has the name already")
	return cmd
}

func (a *app) contextUseCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "use NAME|default",
		Short:             "have the agent of a context do the work from now on",
		Args:              exactArgs(1),
		ValidArgsFunction: a.completeContexts(1, contexts.Default),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := userContexts()
			if err != nil {
				return err
			}
			if err := store.Use(args[0]); err != nil {
				return err
			}
			for _, variable := range []string{"DLX_AGENT", "DLX_CONTEXT"} {
				if value := os.Getenv(variable); value != "" {
					a.notef("%s=%s goes before it", variable, value)
				}
			}
			return nil
		},
	}
}

func (a *app) contextRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "rm NAME...",
		Short:             "forget contexts",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeContexts(maxCompleted),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			store, err := userContexts()
			if err != nil {
				return err
			}
			for _, name := range args {
				err = errors.Join(err, store.Remove(name))
			}
			if errors.Is(err, contexts.ErrCurrent) {
				return fmt.Errorf("%w; `dlx context use default` first", err)
			}
			return err
		},
	}
}

// maxCompleted is as many arguments as are completed.
const maxCompleted = 64

// completeContexts completes names of contexts that are not among the arguments yet.
func (a *app) completeContexts(most int, others ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) (names []string, _ cobra.ShellCompDirective) {
		store, err := userContexts()
		if err != nil || len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, _ := store.Names() // those that there are
		for _, name := range append(others, all...) {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeContext completes the flag's.
func (a *app) completeContext(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return a.completeContexts(1, contexts.Default)(cmd, nil, prefix)
}
