package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dlx/capture"
	"dlx/capture/savefile"
	"dlx/engine"
	"dlx/internal/printer/job"
)

// captureOptions are the flags of `dlx capture`; the letters are tcpdump's.
type captureOptions struct {
	iface, file string
	read        string
	count       uint64
	maxBytes    uint64
	snaplen     int
	buffer      int
	direction   string
	duration    time.Duration
	labels      []string
	files       fileOptions
	list        bool
	noProcess   bool
	noNames     bool // as -n, where packets are not printed
	ownTraffic  bool
	detach      bool
	pipe        bool
	wireshark   bool
	output      string
	print       job.Flags
	program     programOptions
	words       bool           // no -- says where the filter begins
	to          io.WriteCloser // where the packets go, if the flags do not say it
}

func (a *app) captureCommand() *cobra.Command {
	var o captureOptions
	cmd := &cobra.Command{
		Use:   "capture TARGET... [flags] [FILTER]\n  dlx capture -r FILE [flags] [-- FILTER]",
		Short: "capture the traffic of containers",
		Long: "Captures in the network namespaces of containers, with nothing of dlx inside them, and prints a line a packet, or\n" +
			"writes pcapng to a file or pipe. FILTER is an expression of pcap-filter(7), tcpdump's language; names in it are\n" +
			"looked up on this machine, not in the container. It begins at the first word that names no container, or behind --.\n\n" +
			"When a container is restarted the capture goes on in its new namespace; when all have ended, it ends. With --label\n" +
			"it goes on until it is stopped, and takes in the containers that start meanwhile.\n\n" +
			"-r reads a capture file, dlx's or another's, pcapng or pcap, and needs neither root nor a runtime. -d, -dd and -ddd\n" +
			"print the filter's program as tcpdump does. No TARGET is given then.",
		Example: "  dlx capture web\n  dlx capture web -- tcp port 80\n  dlx capture web -w web.pcapng --duration 30s\n" +
			"  dlx capture web --wireshark\n  dlx capture web db cache -w all.pcapng\n" +
			"  dlx capture --label app=shop -- port 53\n  dlx capture web -D\n  dlx capture -r web.pcapng -n -- port 53\n  dlx capture -d -y LINUX_SLL -- port 53",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(o.checkPipe(cmd), o.checkDetach(cmd)); err != nil {
				return err
			}
			if o.program.form > 0 {
				return o.program.check(cmd, args)
			}
			return o.checkTargets(cmd, args)
		},
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.program.form > 0 {
				return a.runProgram(cmd.Context(), strings.Join(args, " "), o)
			}
			targets, filter := splitArgs(cmd, args)
			if o.read != "" {
				return a.runRead(cmd.Context(), filter, &o)
			}
			if o.pipe && !o.list {
				return a.runPipe(cmd.Context(), targets, filter, o)
			}
			if o.list {
				return a.runInterfaces(cmd.Context(), targets[0], o.output)
			}
			o.words = cmd.ArgsLenAtDash() < 0
			if o.detach {
				return a.runDetach(cmd.Context(), targets, filter, &o)
			}
			return a.runCapture(cmd.Context(), targets, filter, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.iface, "interface", "i", "any", "interface, or any for every one, those to come included")
	f.IntVarP(&o.buffer, "buffer-size", "B", defaultBuffer, "size of the kernel's buffer, in KiB")
	f.StringVarP(&o.direction, "direction", "Q", "inout", "in, out or inout: packets that are received, or sent")
	f.StringVarP(&o.file, "write", "w", "", "write to a file, - for standard output")
	f.StringVarP(&o.read, "read", "r", "", "read a capture file, - for standard input, and capture nothing; with -w, write what matches to another")
	f.BoolVar(&o.wireshark, "wireshark", false, "start Wireshark, as the user who called sudo, and show the packets there")
	f.BoolVar(&o.pipe, "pipe", false, "as -w -, until standard input ends, and with no flag that names a file: what sudo can allow")
	o.files.flags(f)
	o.print.Define(f)
	f.Uint64VarP(&o.count, "count", "c", 0, "stop after so many packets")
	f.IntVarP(&o.snaplen, "snapshot-length", "s", 0, "bytes kept of a packet (default 262144)")
	f.Uint64Var(&o.maxBytes, "max-bytes", 0, "stop when so many bytes are written")
	f.DurationVar(&o.duration, "duration", 0, "stop after capturing for this long")
	f.StringArrayVar(&o.labels, "label", nil, "capture in the containers with this label, KEY or KEY=VALUE; all of them, if given more than once")
	f.BoolVar(&o.noProcess, "no-process", false, "do not look for the processes that packets belong to")
	f.BoolVar(&o.ownTraffic, "own-traffic", false, "do not leave your own SSH connection out where a container shares the host's network")
	f.BoolVar(&o.detach, "detach", false, "through an agent: let the capture go on, on the agent's disk, and say its ID for `dlx captures` (an hour and 1 GiB, unless --duration and --max-bytes say otherwise)")
	f.BoolVarP(&o.list, "list-interfaces", "D", false, "list the container's interfaces, and capture nothing")
	outputFlag(cmd, &o.output)
	o.program.flags(f)
	return cmd
}

// splitArgs splits the arguments into those before "--" and the expression behind it.
func splitArgs(cmd *cobra.Command, args []string) (targets []string, expr string) {
	n := cmd.ArgsLenAtDash()
	if n < 0 {
		return args, ""
	}
	return args[:n], strings.Join(args[n:], " ")
}

// checkTargets wants something to capture in.
func (o *captureOptions) checkTargets(cmd *cobra.Command, args []string) error {
	targets, _ := splitArgs(cmd, args)
	if err := o.print.Check(); err != nil {
		return &usageError{err}
	}
	if err := o.checkNumbers(cmd); err != nil {
		return err
	}
	switch {
	case o.read != "":
		return o.checkRead(targets)
	case o.list && len(targets) != 1:
		return &usageError{errors.New("-D takes one TARGET")}
	case len(targets) == 0 && len(o.labels) == 0:
		return &usageError{errors.New("no TARGET given")}
	}
	if o.wireshark && o.file != "" {
		return &usageError{errors.New("--wireshark and -w exclude each other")}
	}
	return o.files.check(o.file)
}

// checkNumbers reports values out of range, and flags that have no effect without others.
func (o *captureOptions) checkNumbers(cmd *cobra.Command) error {
	given := func(name string) bool { return cmd.Flags().Changed(name) }
	switch {
	case o.snaplen < 0 || o.snaplen > capture.DefaultSnapLen:
		return &usageError{fmt.Errorf("-s is a number of bytes up to %d; 0 stands for that", capture.DefaultSnapLen)}
	case o.duration < 0 || o.duration == 0 && given("duration"):
		return &usageError{errors.New("--duration is longer than nothing, such as 30s")}
	case given("linktype") || given("live") || given("no-optimize"):
		return &usageError{errors.New("-y, --live and -O are about the program that -d prints")}
	case given("output") && !o.list:
		return &usageError{errors.New("-o is about the table of -D: a capture is printed, or written as pcapng with -w")}
	case given("format") && o.file == "":
		return &usageError{errors.New("--format is about the file that -w names")}
	}
	return nil
}

func (a *app) runCapture(ctx context.Context, targets []string, filter string, o captureOptions) error {
	if done, err := a.asRoot(ctx, targets); done || err != nil {
		return err
	}
	if !o.wireshark { // which starts programs as their user, with privileges of their own
		if err := a.giveUp("capture", ""); err != nil {
			return err
		}
	}
	user, err := caller()
	if err != nil {
		return err
	}
	return a.withEngine(func(e engine.Engine) error { // which greets its runtime beside all that follows
		own := make(chan []engine.Connection, 1)
		go func() { own <- o.own() }()
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		if o.words {
			if targets, filter, err = a.withoutDashes(ctx, e, targets, len(o.labels) > 0); err != nil {
				return err
			}
		}
		req, err := o.request(targets, filter)
		if err != nil {
			return err
		}
		req.User = user
		out, err := a.captureOutput(ctx, &o)
		if err != nil {
			return err
		}
		ctx, end := untilGone(ctx, out.WriteCloser)
		defer end()
		live := a.liveLine(out.files)
		req.Own = <-own
		stats, err := e.Capture(ctx, req, &begun{out, func() {
			if !o.quiet() {
				a.notef("capturing in %s, Ctrl-C stops", o.where(targets))
			}
			live.start()
			if o.duration > 0 {
				time.AfterFunc(o.duration, end)
			}
		}})
		live.stop()
		err, closed := unexpected(ctx, err), unexpected(ctx, out.Close())
		switch {
		case o.quiet():
			a.printReasons(stats)
		case err == nil || stats.Captured > 0:
			a.printStats(stats)
		}
		return errors.Join(err, closed)
	})
}

// unexpected is a capture's error, unless that is an end as it should be: the last file is
// complete, or the reader has had enough, even while its file was being opened.
func unexpected(ctx context.Context, err error) error {
	switch readerGone := errors.Is(context.Cause(ctx), errReaderGone); {
	case errors.Is(err, savefile.ErrFull), gone(err):
		return nil
	case readerGone && (errors.Is(err, errReaderGone) || errors.Is(err, context.Canceled)):
		return nil
	}
	return err
}

// The latencies of what is watched, read by another program, or kept. A file has no need of packets
// that come one by one.
const (
	screenLatency = 50 * time.Millisecond
	pipeLatency   = 100 * time.Millisecond
	fileLatency   = time.Second
)

// where names what is captured in.
func (o *captureOptions) where(targets []string) string {
	if len(o.labels) > 0 {
		targets = append(slices.Clone(targets), "containers with "+strings.Join(o.labels, ", "))
	}
	return strings.Join(targets, ", ")
}

// request is what the flags ask of the engine; Own and User are filled in later.
func (o *captureOptions) request(targets []string, filter string) (engine.CaptureRequest, error) {
	directions := map[string]capture.Direction{"inout": capture.Both, "in": capture.In, "out": capture.Out}
	direction, ok := directions[o.direction]
	if !ok {
		return engine.CaptureRequest{}, &usageError{fmt.Errorf("--direction is in, out or inout, not %q", o.direction)}
	}
	if o.buffer < minBuffer || o.buffer > maxBuffer {
		return engine.CaptureRequest{}, &usageError{fmt.Errorf("-B is a number of KiB from %d to %d", minBuffer, maxBuffer)}
	}
	latency := fileLatency
	switch {
	case o.file == "-", o.wireshark, o.to != nil:
		latency = pipeLatency
	case o.file == "", o.count > 0: // who counts is waiting for the end
		latency = screenLatency
	}
	return engine.CaptureRequest{
		Targets: targets, Labels: o.labels, Interface: o.iface, Direction: direction, SnapLen: o.snaplen, Filter: filter, Count: o.count,
		MaxBytes: o.maxBytes, RingSize: o.buffer << 10, Latency: latency, NoProcess: o.noProcess,
		NoNames: o.noNames || o.print.Numbers > 0,
	}, nil
}

// own are the connections that are left out.
func (o *captureOptions) own() []engine.Connection {
	if o.ownTraffic {
		return nil
	}
	return ownConnections()
}

// The default of -B and its bounds, in KiB: two blocks,
// and the most that 32 bits hold in the kernel.
const (
	defaultBuffer = 32 << 10
	minBuffer     = 256
	maxBuffer     = 2 << 20
)
