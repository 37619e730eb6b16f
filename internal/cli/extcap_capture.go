package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dlx/engine"
)

// extcapCapture captures into Wireshark's pipe, until that is closed or a signal comes.
func (a *app) extcapCapture(ctx context.Context, t extcapTarget, o extcapOptions) error {
	o.in.labels = t.labels
	if _, err := o.in.request(t.targets, o.filter); err != nil {
		return err
	}
	if err := a.withEngine(func(engine.Engine) error { return nil }); err != nil {
		return err // on this system there is none
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	fifo, err := openFifo(ctx, o.fifo)
	if err != nil || fifo == nil {
		return err
	}
	if os.Geteuid() == 0 {
		o.in.to = newPipe(fifo, fifo)
		return a.runCapture(ctx, t.targets, o.filter, o.in)
	}
	err = a.captureBySudo(ctx, t, o, newPipe(fifo, fifo))
	return errors.Join(err, fifo.Close())
}

// openFifo opens a named pipe, and nothing else. It waits for the reader; if ctx ends before there
// is one, there is nothing to do and no file.
func openFifo(ctx context.Context, path string) (*os.File, error) {
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := openPipe(path)
		done <- opened{f, err}
	}()
	var o opened
	select {
	case o = <-done:
	case <-ctx.Done():
		return nil, nil
	}
	if errors.Is(o.err, errNoPipe) {
		return nil, &usageError{fmt.Errorf("--fifo %s %w", path, o.err)}
	}
	return o.f, o.err
}

// sudoCaptureArgs are the arguments of the dlx that captures as root. None of them names a file,
// and dlx would not take one.
func sudoCaptureArgs(t extcapTarget, o extcapOptions) []string {
	args := pipeCommand("--interface="+o.in.iface, "--direction="+o.in.direction, "--snapshot-length="+strconv.Itoa(o.in.snaplen),
		"--buffer-size="+strconv.Itoa(o.in.buffer))
	if o.in.noProcess {
		args = append(args, "--no-process")
	}
	if o.in.noNames {
		args = append(args, "--numbers")
	}
	if o.in.ownTraffic {
		args = append(args, "--own-traffic")
	}
	for _, l := range t.labels {
		args = append(args, "--label="+l)
	}
	args = append(args, t.targets...)
	if strings.TrimSpace(o.filter) != "" {
		args = append(args, "--", o.filter)
	}
	return args
}

// endLimit is how long the dlx below sudo has to write the closing figures.
const endLimit = 5 * time.Second

// captureBySudo passes on what a dlx below sudo captures. Only this process opens what the user
// names; the other one gets a pipe, and ends when its standard input does.
func (a *app) captureBySudo(ctx context.Context, t extcapTarget, o extcapOptions, to *pipe) error {
	cmd, err := sudoCommand(sudoCaptureArgs(t, o)...)
	if err != nil {
		return err
	}
	var stderr said
	cmd.Stderr = &stderr
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return &sudoError{err: err}
	}
	ctx, cancel := untilGone(ctx, to)
	defer cancel()
	err = relay(ctx, to, from, lifeline, cmd)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return explainSudo(cmd, err, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		a.notef("%s", strings.TrimSuffix(line, "\n"))
	}
	return err
}

// relay copies until the child ends. It asks for that when ctx ends, or when nobody reads any more.
func relay(ctx context.Context, to io.Writer, from io.ReadCloser, lifeline io.Closer, cmd *exec.Cmd) error {
	result := make(chan error, 1)
	go func() {
		_, err := io.Copy(to, from)
		if err != nil { // the child is not to wait for a reader
			_ = lifeline.Close()
			_, _ = io.Copy(io.Discard, from)
		}
		if gone(err) {
			err = nil
		}
		result <- errors.Join(cmd.Wait(), err)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	_ = lifeline.Close()
	end := time.NewTimer(endLimit)
	defer end.Stop()
	select {
	case err := <-result:
		return err
	case <-end.C:
		return errors.New("the dlx below sudo does not end")
	}
}
