// Package cli is dlx's command line: one file a verb, each of which hands over to an engine at
// once. Results go to standard output, everything else to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/internal/printable"
	"dlx/internal/version"
)

// Exit statuses of dlx itself. `dlx debug` passes on its command's; the last three are as docker's.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitTimeout  = 124 // as timeout(1)
	exitDlx      = 125 // dlx itself failed
	exitNotRun   = 126 // the command can not be run
	exitNotFound = 127 // the command is not there
)

// app is one run of the command line.
type app struct {
	stdin          *os.File
	stdout, stderr io.Writer
	newEngine      func() (engine.Engine, error)
	giveUp         func(verb, profile string) error // privileges, for good
	remote         remoteOptions
	line           []string // the whole command line
	args           []string // of the verb, which comes first
	code           int      // the exit status of a command that did not fail
}

// Run runs dlx with its arguments, the program's name first, and returns the exit status.
func Run(args []string) int {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, newEngine: localEngine, giveUp: giveUp}
	return a.run(args)
}

func (a *app) run(args []string) int {
	root := a.rootCommand()
	a.line = args
	a.args = withVerb(args)
	if verb, rest, err := root.Find(a.args); err == nil && verb.Name() == "debug" {
		_ = verb.InheritedFlags() // which takes them over
		a.args = append([]string{verb.Name()}, withDashes(verb, rest)...)
	}
	root.SetArgs(a.args)
	cmd, err := root.ExecuteContextC(context.Background())
	if err != nil {
		a.report(err)
		return exitStatus(cmd.Name(), err)
	}
	return a.code
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "dlx",
		Short: "look inside a running container that has nothing in it",
		Long: "dlx looks inside a running container that has nothing in it: it opens a shell there with a verified toolbox,\n" +
			"without leaving a trace, or captures its traffic. It finds the container's process through its runtime's API\n" +
			"(Docker, containerd, CRI-O, Podman) and joins its namespaces, so it has to run as root on the container's host.",
		Version:       version.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // RunE says which verb was meant
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if cmd == root && len(a.args) > 0 && !strings.HasPrefix(a.args[0], "-") {
			return unknownVerb(root, a.args[0]) // whose flags are none of the root's
		}
		return &usageError{err}
	})
	a.remoteFlags(root)
	root.AddCommand(a.psCommand(), a.debugCommand(), a.captureCommand(), a.extcapCommand(), a.injectCommand(), a.ejectCommand(),
		a.toolboxCommand(), a.toolsCommand(), a.agentCommand(), a.contextCommand(), a.sessionsCommand(), a.capturesCommand(), a.auditCommand(), a.playCommand(), a.doctorCommand(), a.versionCommand(),
		a.completionCommand(root))
	return root
}

// withEngine runs f with an engine that it closes.
func (a *app) withEngine(f func(engine.Engine) error) (err error) {
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	return f(e)
}

// printf writes to standard output; what comes from a container is to be escaped by the caller.
func (a *app) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(a.stdout, format, args...)
	return err
}

// linef writes a line to standard output, escaped as notef's are.
func (a *app) linef(format string, args ...any) error {
	return a.printf("%s\n", printable.Escape(fmt.Sprintf(format, args...)))
}

// notef writes a line to standard error.
func (a *app) notef(format string, args ...any) {
	_, _ = fmt.Fprintln(a.stderr, printable.Escape(fmt.Sprintf(format, args...)))
}
