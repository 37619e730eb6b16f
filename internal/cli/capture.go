package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dlx/capture"
	"dlx/engine"
	"dlx/internal/printable"
)

// captureOptions are the flags of `dlx capture`; the letters are tcpdump's.
type captureOptions struct {
	iface, file string
	count       uint64
	maxBytes    uint64
	snaplen     int
	buffer      int
	direction   string
	duration    time.Duration
	program     programOptions
}

func (a *app) captureCommand() *cobra.Command {
	var o captureOptions
	cmd := &cobra.Command{
		Use:   "capture TARGET [flags] [-- FILTER]",
		Short: "capture a container's traffic",
		Long: "Captures in the container's network namespace, with nothing of dlx inside the container, and prints a line a\n" +
			"packet, or writes pcapng to a file or pipe. FILTER is an expression of pcap-filter(7), tcpdump's language; names\n" +
			"in it are looked up on this machine, not in the container.\n\n" +
			"-d, -dd and -ddd print the filter's program as tcpdump does, and capture nothing; no TARGET is given then.",
		Example: "  dlx capture web\n  dlx capture web -- tcp port 80\n  dlx capture web -w web.pcapng --duration 30s\n" +
			"  dlx capture web -w - | wireshark -k -i -\n  dlx capture -d -y LINUX_SLL -- port 53",
		Args: func(cmd *cobra.Command, args []string) error {
			if o.program.form > 0 {
				return o.program.check(cmd, args)
			}
			return targetArgs(1)(cmd, args)
		},
		ValidArgsFunction: a.completeTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.program.form > 0 {
				return a.runProgram(cmd.Context(), strings.Join(args, " "), o)
			}
			return a.runCapture(cmd.Context(), args[0], strings.Join(args[1:], " "), o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.iface, "interface", "i", "any", "interface, or any for every one, those to come included")
	f.IntVarP(&o.buffer, "buffer-size", "B", 32<<10, "size of the kernel's buffer, in KiB")
	f.StringVarP(&o.direction, "direction", "Q", "inout", "in, out or inout: packets that are received, or sent")
	f.StringVarP(&o.file, "write", "w", "", "write pcapng to a file, - for standard output")
	f.Uint64VarP(&o.count, "count", "c", 0, "stop after so many packets")
	f.IntVarP(&o.snaplen, "snapshot-length", "s", 0, "bytes kept of a packet (default 262144)")
	f.Uint64Var(&o.maxBytes, "max-bytes", 0, "stop when so many bytes are written")
	f.DurationVar(&o.duration, "duration", 0, "stop after this long")
	o.program.flags(f)
	return cmd
}

func (a *app) runCapture(ctx context.Context, target, filter string, o captureOptions) error {
	req, err := o.request(target, filter)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	return a.withEngine(func(e engine.Engine) error {
		out, err := a.captureOutput(o.file)
		if err != nil {
			return err
		}
		stats, err := e.Capture(ctx, req, &announcer{Writer: out, say: func() { a.notef("capturing in %s, Ctrl-C stops", target) }})
		closed := out.Close()
		if gone(err) || err == nil && gone(closed) {
			err, closed = nil, nil // whoever read it has had enough
		}
		if err == nil || stats.Captured > 0 {
			a.printStats(stats)
		}
		return errors.Join(err, closed)
	})
}

// The latencies of what is watched, read by another program, or kept. A file has no need of packets that come one by one.
const (
	screenLatency = 50 * time.Millisecond
	pipeLatency   = 100 * time.Millisecond
	fileLatency   = time.Second
)

// request is what the flags ask of the engine.
func (o *captureOptions) request(target, filter string) (engine.CaptureRequest, error) {
	directions := map[string]capture.Direction{"inout": capture.Both, "in": capture.In, "out": capture.Out}
	direction, ok := directions[o.direction]
	if !ok {
		return engine.CaptureRequest{}, &usageError{fmt.Errorf("--direction is in, out or inout, not %q", o.direction)}
	}
	if o.buffer < minBuffer || o.buffer > maxBuffer {
		return engine.CaptureRequest{}, &usageError{fmt.Errorf("-B is a number of KiB from %d to %d", minBuffer, maxBuffer)}
	}
	latency := fileLatency
	switch o.file {
	case "":
		latency = screenLatency
	case "-":
		latency = pipeLatency
	}
	return engine.CaptureRequest{
		Target: target, Interface: o.iface, Direction: direction, SnapLen: o.snaplen, Filter: filter, Count: o.count,
		MaxBytes: o.maxBytes, RingSize: o.buffer << 10, Latency: latency,
	}, nil
}

// Bounds of -B, in KiB: two blocks, and what a 32-bit length of the kernel's allows.
const (
	minBuffer = 256
	maxBuffer = 2 << 20
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

// captureOutput is where the pcapng goes: a file, standard output, or a process that prints it.
func (a *app) captureOutput(file string) (io.WriteCloser, error) {
	switch {
	case file == "":
		return a.startPrinter()
	case file == "-" && isTerminal(a.stdout):
		return nil, &usageError{errors.New("will not write a capture file to a terminal")}
	case file == "-":
		return keepOpen{a.stdout}, nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write the capture: %w", err)
	}
	return savefile(f)
}

// keepOpen is a writer that is somebody else's to close.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// gone says whether writing failed because the reader has gone away.
func gone(err error) bool { return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) }

// printStats prints tcpdump's closing lines.
func (a *app) printStats(s engine.CaptureStats) {
	if s.TargetEnded {
		a.notef("the container ended")
	}
	a.notef("%d packets captured", s.Captured)
	a.notef("%d packets received by filter", s.Received)
	a.notef("%d packets dropped by kernel", s.Dropped)
	for _, why := range s.Skipped {
		a.notef("not captured: %s", printable.Escape(why))
	}
}
