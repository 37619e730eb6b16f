package applet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"dlx/internal/printer"
	"dlx/internal/printer/job"
)

// printPackets is the first argument of the process that takes packets apart. It has no privileges.
const printPackets = "--print-packets"

// packetPrinter is that process, with what it reads from.
type packetPrinter struct {
	io.WriteCloser
	cmd *exec.Cmd
}

// printer is the process before its start.
func (t *tcpdump) printer(j job.Job) *exec.Cmd {
	j.Flags = t.print
	cmd := exec.Command("/proc/self/exe", append([]string{printPackets}, j.Args()...)...)
	cmd.Args[0] = "tcpdump"
	job.Unprivileged(cmd)
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for tcpdump, which lets it print what is left
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// startPrinter starts it. A session that may not change its user has few privileges anyway.
func (t *tcpdump) startPrinter() (io.WriteCloser, error) {
	start := func(cmd *exec.Cmd) (io.WriteCloser, error) {
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, errors.Join(fmt.Errorf("start the process that prints packets: %w", err), in.Close())
		}
		return &packetPrinter{in, cmd}, nil
	}
	p, err := start(t.printer(job.Job{Live: true}))
	if errors.Is(err, syscall.EPERM) {
		cmd := t.printer(job.Job{Live: true})
		cmd.SysProcAttr.Credential = nil
		return start(cmd)
	}
	return p, err
}

// Close lets it print what is left and waits for it.
func (p *packetPrinter) Close() error {
	err := p.WriteCloser.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	werr := p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](werr); ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGPIPE {
		werr = nil // whoever read it has had enough
	}
	return errors.Join(err, werr)
}

// readFile has the process read a file; it says itself what went wrong.
func (t *tcpdump) readFile() error {
	in := os.Stdin
	if t.read != "-" {
		f, err := os.Open(t.read)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // was only read
		in = f
	}
	run := func(cmd *exec.Cmd) error {
		cmd.Stdin = in
		cmd.SysProcAttr.Setpgid = false
		return cmd.Run()
	}
	read := job.Job{Count: t.count, Filter: t.expr}
	err := run(t.printer(read))
	if errors.Is(err, syscall.EPERM) {
		cmd := t.printer(read)
		cmd.SysProcAttr.Credential = nil
		err = run(cmd)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &exitError{code: max(exit.ExitCode(), 0)}
	}
	return err
}

// runPrintPackets is that process.
func runPrintPackets(args []string) error {
	j, err := job.Parse(args)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	p := printer.Process{Job: *j}
	notes, err := p.Run(context.Background(), os.Stdin, os.Stdout)
	for _, n := range notes {
		fmt.Fprintln(os.Stderr, n)
	}
	return err
}
