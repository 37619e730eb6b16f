package applet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/capture/savefile"
	"dlx/internal/names"
	"dlx/internal/printer/job"
)

// tcpdump is one run of the applet: `dlx capture` where the session is, with tcpdump(8)'s flags.
type tcpdump struct {
	print                       job.Flags
	iface, direction            string
	read, write                 string
	count                       uint64
	snaplen, buffer, size, kept int
	seconds                     int
	list, quietly               bool
	expr                        string
}

func runTcpdump(args []string) error {
	if len(args) > 0 && args[0] == printPackets {
		return runPrintPackets(args[1:])
	}
	t := &tcpdump{}
	rest, err := flags("tcpdump", args, t.define)
	if err != nil {
		return err
	}
	t.expr = strings.Join(rest, " ")
	if err := t.check(); err != nil {
		return fail(exitUsage, "%w", err)
	}
	switch {
	case t.list:
		return t.interfaces()
	case t.read != "":
		return t.readFile()
	}
	return t.capture()
}

func (t *tcpdump) define(f *pflag.FlagSet) {
	f.StringVarP(&t.iface, "interface", "i", capture.Any, "interface, or any for every one")
	f.BoolVarP(&t.list, "list-interfaces", "D", false, "list the interfaces")
	f.StringVarP(&t.read, "read", "r", "", "read a capture file, - for standard input")
	f.StringVarP(&t.write, "write", "w", "", "write a file: pcapng if its name ends so, and else pcap; - for pcapng on standard output")
	f.Uint64VarP(&t.count, "count", "c", 0, "stop after so many packets")
	f.IntVarP(&t.snaplen, "snapshot-length", "s", 0, "bytes kept of a packet (default 262144)")
	f.IntVarP(&t.buffer, "buffer-size", "B", 4096, "size of the kernel's buffer, in KiB")
	f.StringVarP(&t.direction, "direction", "Q", "inout", "in, out or inout")
	f.IntVarP(&t.size, "file-size", "C", 0, "begin another file after so many million bytes")
	f.IntVarP(&t.seconds, "rotate-seconds", "G", 0, "begin another file after so many seconds")
	f.IntVarP(&t.kept, "file-count", "W", 0, "how many files -C keeps, or -G makes")
	t.print.Define(f)
	f.BoolP("line-buffered", "l", false, "makes no difference: a line is printed when the packet comes")
	f.BoolP("packet-buffered", "U", false, "makes no difference: a packet is written when it comes")
	f.BoolP("no-promiscuous-mode", "p", false, "makes no difference: no interface is made promiscuous")
	f.BoolVar(&t.quietly, "no-summary", false, "do not say on standard error what is captured, and how much was")
}

// fileSuffix is that of files in the new format.
const fileSuffix = ".pcapng"

func (t *tcpdump) check() error {
	if err := t.print.Check(); err != nil {
		return err
	}
	switch {
	case t.read != "" && t.write != "":
		return errors.New("-r and -w together: `dlx capture -r FILE -w FILE` on the host does that")
	case t.snaplen < 0 || t.snaplen > capture.DefaultSnapLen:
		return fmt.Errorf("-s is a number of bytes up to %d", capture.DefaultSnapLen)
	case t.buffer < 256 || t.buffer > 2<<20:
		return errors.New("-B is a number of KiB from 256 to 2097152")
	case t.write == "-" && term.IsTerminal(1):
		return errors.New("will not write a capture file to a terminal")
	case (t.size != 0 || t.seconds != 0 || t.kept != 0) && (t.write == "" || t.write == "-"):
		return errors.New("-C, -G and -W are for files that -w names")
	}
	if _, ok := directions[t.direction]; !ok {
		return fmt.Errorf("-Q is in, out or inout, not %q", t.direction)
	}
	return nil
}

var directions = map[string]capture.Direction{"inout": capture.Both, "in": capture.In, "out": capture.Out}

// here is the namespace that the session is in.
func here(f func() error) error { return f() }

// interfaces prints a list as tcpdump's.
func (t *tcpdump) interfaces() error {
	list, err := capture.Interfaces(here)
	for n, i := range list {
		var state []string
		if i.Up {
			state = append(state, "Up")
		}
		if i.Loopback {
			state = append(state, "Loopback")
		}
		fmt.Printf("%d.%s [%s]\n", n+1, i.Name, strings.Join(state, ", "))
	}
	return err
}

func (t *tcpdump) capture() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	machine := names.New(ctx)
	compile, err := filter.ForInterfaces(t.expr, machine, machine.Offline())
	if err != nil {
		return filterError(err)
	}
	c, err := capture.New(capture.Options{
		Interface: t.iface, Direction: directions[t.direction], SnapLen: t.snaplen, Compile: compile, Filter: t.expr,
		RingSize: t.buffer << 10, Count: t.count, Application: ProgramName, NoProcess: true, Latency: t.latency(),
	})
	if err != nil {
		return err
	}
	if _, err := c.Add(capture.Source{Enter: here}); err != nil {
		if errors.Is(err, capture.ErrPermission) {
			err = fmt.Errorf("%w; on the host: dlx debug --profile netadmin -u 0 TARGET, or dlx capture TARGET", err)
		}
		return errors.Join(err, c.Close())
	}
	out, err := t.output()
	if err != nil {
		return errors.Join(err, c.Close())
	}
	if !t.quietly {
		fmt.Fprintf(os.Stderr, "tcpdump: listening on %s, Ctrl-C stops\n", t.iface)
	}
	stats, err := c.Run(ctx, capture.ToWriter(out))
	if err == nil || errors.Is(err, savefile.ErrFull) || errors.Is(err, syscall.EPIPE) { // whoever reads it has had enough
		err = nil
	}
	if err = errors.Join(err, out.Close(), c.Close()); err == nil && !t.quietly {
		fmt.Fprintf(os.Stderr, "%d packets captured\n%d packets received by filter\n%d packets dropped by kernel\n", stats.Captured, stats.Received, stats.Dropped)
	}
	for _, s := range stats.Skipped {
		fmt.Fprintf(os.Stderr, "tcpdump: not captured: %s: %v\n", s.Interface, s.Why)
	}
	return err
}

// latency is short where somebody watches or counts.
func (t *tcpdump) latency() time.Duration {
	if t.write != "" && t.write != "-" && t.count == 0 {
		return time.Second
	}
	return capture.DefaultLatency
}

// output is where packets go: files, standard output, or the process that prints them.
func (t *tcpdump) output() (io.WriteCloser, error) {
	switch t.write {
	case "":
		return t.startPrinter()
	case "-":
		return os.Stdout, nil
	}
	o := savefile.Options{
		Name: t.write, Format: savefile.Pcap, MaxBytes: int64(t.size) * 1_000_000, Every: time.Duration(t.seconds) * time.Second, Files: t.kept,
	}
	switch {
	case filepath.Ext(t.write) == fileSuffix:
		o.Format = savefile.Pcapng
	case t.iface == capture.Any:
		o.Format = savefile.PcapCooked
	}
	if err := o.Check(); err != nil {
		return nil, fail(exitUsage, "%w", err)
	}
	return savefile.Open(o)
}

// filterError shows where an expression is wrong.
func filterError(err error) error {
	if f, ok := errors.AsType[*filter.Error](err); ok {
		return fail(exitUsage, "%w\n%s", f, strings.TrimRight(f.Caret(), "\n"))
	}
	return err
}
