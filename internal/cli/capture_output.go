package cli

import (
	"errors"
	"io"
	"os"
	"syscall"

	"dlx/capture"
	"dlx/capture/savefile"
	"dlx/engine"
	"dlx/internal/printable"
)

// announcer says that the capture is on when the first bytes come: they are written once all sockets are open.
type announcer struct {
	io.Writer
	say func()
}

func (w *announcer) Write(p []byte) (int, error) {
	if w.say != nil {
		w.say()
		w.say = nil
	}
	return w.Writer.Write(p)
}

// WritePackets passes packets on, which are never the first bytes.
func (w *announcer) WritePackets(p []byte, n uint64) (int, error) {
	return capture.WritePackets(w.Writer, p, n)
}

// captureOutput is where the packets go: files, standard output, or a process that prints them.
func (a *app) captureOutput(o *captureOptions) (io.WriteCloser, error) {
	switch {
	case o.to != nil:
		return o.to, nil
	case o.wireshark:
		return a.startWireshark()
	case o.file == "":
		return a.startPrinter(o)
	case o.file == "-" && isTerminal(a.stdout):
		return nil, &usageError{errors.New("will not write a capture file to a terminal")}
	case o.file == "-" && o.files.format == string(savefile.Pcapng):
		return newPipe(keepOpen{a.stdout}, a.stdout), nil
	}
	options, err := o.files.options(o.file, o.iface)
	if err != nil {
		return nil, err
	}
	if o.file == "-" {
		options.To = a.stdout
	}
	out, err := savefile.Open(options)
	if err != nil || o.file != "-" {
		return out, err
	}
	return newPipe(out, a.stdout), nil
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
