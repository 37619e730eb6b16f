package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"dlx/internal/view"
)

// Packets are taken apart by a process of its own, which has no privileges to lose: another user, no capabilities, and
// nothing but a pipe to read from and the terminal to write to.

const printerName = "print-packets"

// printer is the process, with what it reads from.
type printer struct {
	io.WriteCloser
	cmd *exec.Cmd
}

// unprivileged is dlx as that process, with more arguments.
func (a *app) unprivileged(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Args[0] = "dlx"
	view.Unprivileged(cmd)
	cmd.Stderr = a.stderr
	return cmd
}

// startPrinter starts it for what is captured.
func (a *app) startPrinter(o *captureOptions) (io.WriteCloser, error) {
	args := append([]string{printerName, "--live"}, o.view.Args()...)
	if !o.noProcess {
		args = append(args, "--process")
	}
	cmd := a.unprivileged(context.Background(), args...)
	cmd.Stdout = a.stdout
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for dlx, which lets it print what is left
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(&printerError{err}, in.Close())
	}
	return &printer{in, cmd}, nil
}

// printerError says that the process could not be started.
type printerError struct{ err error }

func (e *printerError) Error() string {
	return "start the process that prints packets: " + e.err.Error()
}
func (e *printerError) Unwrap() error { return e.err }

// Hint says what keeps it from starting, if that is known.
func (e *printerError) Hint() string {
	if errors.Is(e.err, os.ErrPermission) {
		return "it runs as nobody: make the dlx program executable for everybody, or use -w"
	}
	return ""
}

// Close lets it print what is left and waits for it.
func (p *printer) Close() error {
	err := p.WriteCloser.Close()
	if werr := p.cmd.Wait(); werr != nil {
		err = errors.Join(err, fmt.Errorf("print packets: %w", werr))
	}
	return err
}

// readFile has the process read a file, and passes on what it writes. It says itself what went wrong.
func (a *app) readFile(ctx context.Context, in *os.File, out io.Writer, o *view.Options) error {
	args := append([]string{printerName}, o.Flags.Args()...)
	if o.Copy {
		args = append(args, "--copy")
	}
	args = append(args, "--count", strconv.FormatUint(o.Count, 10), "--", o.Filter)
	cmd := a.unprivileged(ctx, args...)
	cmd.Stdin, cmd.Stdout = in, out
	err := cmd.Run()
	exit := (*exec.ExitError)(nil)
	switch {
	case !errors.As(err, &exit):
		if err != nil && cmd.ProcessState == nil {
			return &printerError{err}
		}
		return err
	case exit.ExitCode() > 0:
		a.code = exit.ExitCode()
		return nil
	case exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGPIPE: // whoever read it has had enough
		return nil
	}
	return fmt.Errorf("read the capture: the process that takes packets apart: %w", err)
}

func (a *app) printCommand() *cobra.Command {
	var p view.Process
	cmd := &cobra.Command{
		Use:    printerName + " [-- FILTER]",
		Hidden: true,
		Args:   cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Options.Filter = strings.Join(args, " ")
			notes, err := p.Run(cmd.Context(), a.stdin, a.stdout)
			for _, n := range notes {
				a.notef("%s", n)
			}
			return err
		},
	}
	p.Define(cmd.Flags())
	return cmd
}
