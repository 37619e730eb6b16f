package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/internal/names"
	"dlx/internal/version"
)

// extcapName is the name of the link to dlx in Wireshark's extcap folder.
const extcapName = "dlx-extcap"

// withVerb is the command line of dlx without the program's name. Wireshark runs what is in its
// extcap folder without a verb, by whatever name it has there.
func withVerb(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	name, args := strings.TrimSuffix(filepath.Base(args[0]), ".exe"), args[1:]
	switch {
	case len(args) > 0 && (strings.HasPrefix(args[0], "--extcap-") || args[0] == "--capture"),
		name == extcapName && (len(args) == 0 || strings.HasPrefix(args[0], "-")):
		return append([]string{"extcap"}, args...)
	}
	return args
}

// extcapOptions are the flags of `dlx extcap`: the protocol's and those of --extcap-config.
type extcapOptions struct {
	interfaces, dlts, config, capture bool
	iface, reload, fifo, filter       string
	hasFilter                         bool
	target                            string
	in                                captureOptions
}

func (a *app) extcapCommand() *cobra.Command {
	var o extcapOptions
	var ignored struct {
		version, in, out string
		cleanup          bool
	}
	cmd := &cobra.Command{
		Use:   "extcap",
		Short: "let Wireshark capture in containers",
		Long: "Speaks Wireshark's extcap protocol: Wireshark lists running containers among its interfaces once a link to dlx is in\n" +
			"its extcap folder, where scripts/install-extcap.sh puts it. Under the link's name dlx needs no verb.\n\n" +
			"Who is not root captures through sudo, which is never asked for a password. Allow in sudoers(5)\n\n" +
			"  USER ALL=(root) NOPASSWD: " + sudoers("/usr/local/bin/dlx") + "\n\n" +
			"and USER can read the traffic of every container and, by pid://N, of the host, without getting at its files. The\n" +
			"program has to be one that USER can not write to.",
		Example: "  dlx extcap --extcap-interfaces\n  tshark -i dlx-web\n  tshark -i dlx -o extcap.dlx.target:pid://4711",
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.hasFilter = cmd.Flags().Changed("extcap-capture-filter")
			return a.runExtcap(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.interfaces, "extcap-interfaces", false, "list the interfaces: one a container, and one to type a target for")
	f.StringVar(&o.iface, "extcap-interface", "", "the interface that a call is about")
	f.BoolVar(&o.dlts, "extcap-dlts", false, "print the interface's link type")
	f.BoolVar(&o.config, "extcap-config", false, "print the interface's options")
	f.StringVar(&o.reload, "extcap-reload-option", "", "with --extcap-config: print the values of this option only, looked up anew")
	f.StringVar(&o.filter, "extcap-capture-filter", "", "a pcap-filter(7) expression; without --capture, print what is wrong with it")
	f.BoolVar(&o.capture, "capture", false, "capture")
	f.StringVar(&o.fifo, "fifo", "", "with --capture: the pipe to write to")
	f.StringVar(&o.target, "target", "", "for the interface "+genericInterface+": containers, separated by spaces, or label=KEY[=VALUE]")
	f.StringVar(&o.in.iface, "interface", "any", "interface in the container, or any")
	f.StringVar(&o.in.direction, "direction", "inout", "in, out or inout")
	f.IntVar(&o.in.snaplen, "snaplen", capture.DefaultSnapLen, "bytes kept of a packet")
	f.IntVar(&o.in.buffer, "buffer", defaultBuffer, "size of the kernel's buffer, in KiB")
	f.BoolVar(&o.in.noProcess, "no-process", false, "do not look for the processes that packets belong to")
	f.BoolVar(&o.in.noNames, "no-names", false, "do not write the names of containers that addresses belong to")
	f.BoolVar(&o.in.ownTraffic, "own-traffic", false, "do not leave your own SSH connection out")
	f.StringVar(&ignored.version, "extcap-version", "", "Wireshark's version; not used")
	f.StringVar(&ignored.in, "extcap-control-in", "", "not used: there is no toolbar")
	f.StringVar(&ignored.out, "extcap-control-out", "", "not used: there is no toolbar")
	f.BoolVar(&ignored.cleanup, "extcap-cleanup-postkill", false, "not used: nothing is left of a capture that was killed")
	return cmd
}

// runExtcap makes the one call that the flags ask for.
func (a *app) runExtcap(ctx context.Context, o extcapOptions) error {
	call, err := o.call()
	if err != nil {
		return err
	}
	if call == "--extcap-interfaces" {
		return a.extcapInterfaces(ctx)
	}
	t, err := o.extcapTarget(call == "--capture")
	if err != nil {
		return err
	}
	switch call {
	case "--extcap-dlts":
		return a.extcapDlts()
	case "--extcap-config":
		return a.extcapConfig(ctx, t, o.reload)
	case "--capture":
		return a.extcapCapture(ctx, t, o)
	}
	return a.extcapFilter(ctx, o.filter)
}

// call names the flag that says what to do.
func (o *extcapOptions) call() (string, error) {
	var calls []string
	for _, c := range []struct {
		name string
		on   bool
	}{{"--extcap-interfaces", o.interfaces}, {"--extcap-dlts", o.dlts}, {"--extcap-config", o.config}, {"--capture", o.capture}} {
		if c.on {
			calls = append(calls, c.name)
		}
	}
	switch {
	case len(calls) > 1:
		return "", &usageError{fmt.Errorf("%s exclude each other", strings.Join(calls, " and "))}
	case len(calls) == 0 && !o.hasFilter:
		return "", &usageError{errors.New("no call of the extcap protocol")}
	case o.reload != "" && !o.config:
		return "", &usageError{errors.New("--extcap-reload-option is for --extcap-config")}
	case o.fifo != "" && !o.capture:
		return "", &usageError{errors.New("--fifo is for --capture")}
	case o.capture && o.fifo == "":
		return "", &usageError{errors.New("--capture needs --fifo")}
	case !o.interfaces && o.iface == "":
		return "", &usageError{errors.New("--extcap-interface is missing")}
	case len(calls) == 0:
		return "--extcap-capture-filter", nil
	}
	return calls[0], nil
}

// extcapDlts prints the link type that Wireshark's own check of a filter goes by. The capture has
// those of the container's interfaces, each in the description that pcapng has of it.
func (a *app) extcapDlts() error {
	return a.sentence("dlt", "number", "1", "name", "EN10MB", "display", "Ethernet, or what the interface has")
}

// filterLimit bounds the look-ups of a filter's names: Wireshark asks at every key, and waits.
const filterLimit = 3 * time.Second

// shortHint is as long as a hint can be to have its place in the tooltip of a filter, in bytes.
const shortHint = 80

// extcapFilter prints what is wrong with a filter in one line. Wireshark takes any output for an
// error, and another exit status than 0 for a call that failed.
func (a *app) extcapFilter(ctx context.Context, expr string) error {
	if strings.TrimSpace(expr) == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, filterLimit)
	defer cancel()
	_, err := filter.Compile(expr, filter.Options{
		Link: filter.Ethernet, Extensions: filter.Live, Names: names.New(ctx), Netmask: netip.AddrFrom4([4]byte{255, 255, 255, 0}),
	})
	if err == nil {
		return nil
	}
	text := oneLine(err)
	if h := hintOf(err); h != "" && len(h) <= shortHint {
		text += " (" + h + ")"
	}
	return a.printf("%s\n", sentenceText(text))
}

// extcapVersion is dlx's version as the protocol has it.
func extcapVersion() string { return version.Version }
