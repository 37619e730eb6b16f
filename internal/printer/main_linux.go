package printer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dlx/capture/replay"
	"dlx/internal/printable"
	"dlx/internal/printer/job"
)

// Exit statuses of dlx-print, which dlx passes on.
const (
	exitFailed = 1
	exitUsage  = 2
)

// Main is dlx-print: it does the job that its arguments are, from standard input to standard
// output, and returns the exit status. What it says is said in dlx's name, which is what its user
// has called.
func Main(args []string) int {
	j, err := job.Parse(args[1:])
	if err != nil {
		printable.Report(os.Stderr, "dlx", err)
		return exitUsage
	}
	p := Process{Job: *j}
	notes, err := p.Run(context.Background(), os.Stdin, os.Stdout)
	for _, n := range notes {
		fmt.Fprintln(os.Stderr, printable.Escape(n))
	}
	if err != nil {
		printable.Report(os.Stderr, "dlx", err)
		return exitFailed
	}
	return 0
}

// Process does a job in a process of its own, which it confines before it reads.
type Process struct {
	Job   job.Job
	Stall time.Duration // of CPU time without anything being read; 0 for a default
}

// Run is Show for a live capture. Ctrl-C does not end it. It may never begin: who captures says so.
func (p *Process) Run(ctx context.Context, from io.Reader, to io.Writer) (notes []string, err error) {
	if p.Job.Live {
		signal.Ignore(syscall.SIGINT, syscall.SIGTTOU)
	}
	c := &counted{Reader: from}
	var shown []string
	err = c.bound(cmp.Or(p.Stall, stallLimit), func() (err error) {
		shown, err = show(ctx, c, to, &p.Job, Confine)
		return err
	})
	if stalled := (*StallError)(nil); errors.As(err, &stalled) {
		return nil, err // it may go on, and the notes are its own
	}
	if p.Job.Live && errors.Is(err, replay.ErrEmpty) {
		err = nil
	}
	return shown, err
}
