package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dlx/capture"
	"dlx/capture/savefile"
	"dlx/engine"
	"dlx/internal/outfile"
	"dlx/internal/printable"
)

// output is where packets go: a sink of a capture, or a writer of a stream that comes in pieces.
type output struct {
	engine.Sink
	io.WriteCloser
	files *savefile.Writer // nil if they do not go into files
}

func outputTo(w io.WriteCloser) *output { return &output{Sink: capture.ToWriter(w), WriteCloser: w} }

// begun calls then when the capture is on.
type begun struct {
	engine.Sink
	then func()
}

func (b *begun) Begin() error {
	if err := b.Sink.Begin(); err != nil {
		return err
	}
	b.then()
	return nil
}

// captureOutput is where the packets go: files, standard output, or a process that prints them.
// What it opens is not waited for once ctx has ended.
func (a *app) captureOutput(ctx context.Context, o *captureOptions) (*output, error) {
	switch {
	case o.to != nil:
		return outputTo(o.to), nil
	case o.wireshark:
		return a.startWireshark()
	case o.file == "":
		p, err := a.startPrinter(o)
		if err != nil {
			return nil, err
		}
		return outputTo(p), nil
	case o.file == "-" && isTerminal(a.stdout):
		return nil, &usageError{errors.New("will not write a capture file to a terminal")}
	case o.file == "-" && o.files.format == string(savefile.Pcapng):
		return outputTo(newPipe(keepOpen{a.stdout}, a.stdout)), nil
	}
	options, err := o.files.options(o.file, o.iface)
	if err != nil {
		return nil, err
	}
	if o.file == "-" {
		options.To = a.stdout
	}
	options.Done = ctx.Done()
	out, err := savefile.Open(options)
	switch {
	case err != nil:
		return nil, explainFile(o.file, err)
	case o.file == "-":
		return &output{Sink: out, WriteCloser: newPipe(out, a.stdout)}, nil
	}
	return &output{Sink: out, WriteCloser: out, files: out}, nil
}

// fileError says that a file is not written to.
type fileError struct {
	err  error
	hint string
}

func (e *fileError) Error() string { return e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// Hint says what to name in its place.
func (e *fileError) Hint() string { return e.hint }

// explainFile says what can be done about a file of -w that is not written to.
func explainFile(name string, err error) error {
	switch {
	case strings.HasPrefix(name, "/dev/"), strings.HasPrefix(name, "/proc/"), errors.Is(err, savefile.ErrNotRegular):
		return &fileError{err, "-w - writes to standard output"}
	}
	return explainPlace(name, err)
}

// explainPlace says what can be done about a file that is not put in its place.
func explainPlace(name string, err error) error {
	switch {
	case errors.Is(err, outfile.ErrLink):
		if dir, rerr := filepath.EvalSymlinks(filepath.Dir(name)); rerr == nil && dir != filepath.Dir(name) {
			return &fileError{err, "without links it is " + filepath.Join(dir, filepath.Base(name))}
		}
		return &fileError{err, "remove it, or choose another name"}
	case errors.Is(err, outfile.ErrHardLinks), errors.Is(err, outfile.ErrOthers), errors.Is(err, outfile.ErrNotRegular):
		return &fileError{err, "remove it, or choose another name"}
	}
	return err
}

// keepOpen is a writer that is somebody else's to close.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// gone says whether writing failed because the reader has gone away.
func gone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrDeadlineExceeded)
}

// printStats prints tcpdump's closing lines.
func (a *app) printStats(s engine.CaptureStats) {
	if s.TargetEnded {
		a.notef("the container ended")
	}
	for _, r := range s.Restarts {
		a.notef("%s", r)
	}
	a.notef("%d packets captured", s.Captured)
	a.notef("%d packets received by filter", s.Received)
	a.notef("%d packets dropped by kernel", s.Dropped)
	for _, c := range s.LeftOut {
		a.notef("left out: your SSH connection, %s to %s (--own-traffic)", c.Remote, c.Local)
	}
	a.printSkipped(s)
}

// printReasons says why a capture has ended that nobody has ended, and what it lacks.
func (a *app) printReasons(s engine.CaptureStats) {
	if s.TargetEnded {
		a.notef("the container ended")
	}
	a.printSkipped(s)
}

func (a *app) printSkipped(s engine.CaptureStats) {
	for _, why := range s.Skipped {
		a.notef("not captured: %s", printable.Escape(why))
	}
}
