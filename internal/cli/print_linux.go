package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"dlx/internal/linux"
	"dlx/internal/printer/job"
	"dlx/toolbox"
)

// dlx-print takes packets apart. It has no privileges to lose: it is another user without
// capabilities, with a pipe to read from and the terminal to write to.

// printing is dlx-print at work, with what it reads from.
type printing struct {
	io.WriteCloser
	cmd *exec.Cmd
}

// printerFD is the number that dlx-print's file has in its process (os/exec, Cmd.ExtraFiles).
const printerFD = 3

// printer is dlx-print before its start. It is verified while it is copied to a memory file, which
// nobody can change any more. Its file need not be executable. The caller closes the memory file
// once the program has started.
func (a *app) printer(ctx context.Context, j *job.Job) (*exec.Cmd, *os.File, error) {
	box, err := toolbox.VerifyHost()
	if err = errors.Join(err, linux.KeepFromPrograms()); err != nil {
		return nil, nil, &printerError{err}
	}
	fd, err := linux.SealedProgram(job.Program, func(w io.Writer) error { return box.CopyTo(w, toolbox.PrinterPath) })
	if err != nil {
		return nil, nil, &printerError{err}
	}
	program := fd.File(job.Program)
	// What its user can not read is not that user's to trace, from the execution on, when
	// linux.Confine has not come yet (fs/exec.c, would_dump).
	if err := program.Chmod(0o111); err != nil {
		return nil, nil, &printerError{errors.Join(err, program.Close())}
	}
	cmd := exec.CommandContext(ctx, fmt.Sprintf("/proc/self/fd/%d", printerFD), j.Args()...)
	cmd.Args[0] = job.Program
	job.Unprivileged(cmd)
	cmd.ExtraFiles = []*os.File{program}
	cmd.Stderr = a.stderr
	return cmd, program, nil
}

// startPrinter starts it for what is captured.
func (a *app) startPrinter(o *captureOptions) (io.WriteCloser, error) {
	cmd, program, err := a.printer(context.Background(), &job.Job{Flags: o.print, Live: true, Process: !o.noProcess})
	if err != nil {
		return nil, err
	}
	defer func() { _ = program.Close() }() // the process has its own
	cmd.Stdout = a.stdout
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for dlx, which lets it print what is left
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(&printerError{err}, in.Close())
	}
	return &printing{in, cmd}, nil
}

// printerError says that the process could not be started.
type printerError struct{ err error }

func (e *printerError) Error() string {
	return "start the process that prints packets: " + e.err.Error()
}
func (e *printerError) Unwrap() error { return e.err }

// Close lets it print what is left and waits for it.
func (p *printing) Close() error {
	err := p.WriteCloser.Close()
	if werr := p.cmd.Wait(); werr != nil {
		err = errors.Join(err, fmt.Errorf("print packets: %w", werr))
	}
	return err
}

// readFile has the process read a file, and passes its output on. It reports errors itself.
func (a *app) readFile(ctx context.Context, in *os.File, out io.Writer, j *job.Job) error {
	cmd, program, err := a.printer(ctx, j)
	if err != nil {
		return err
	}
	defer func() { _ = program.Close() }() // the process has its own
	cmd.Stdin, cmd.Stdout = in, out
	err = cmd.Run()
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
