package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dlx/capture/filter"
	"dlx/internal/names"
)

// programOptions are the flags that print a filter's program instead of capturing.
type programOptions struct {
	form             int // 1, 2 or 3: how many times -d was given
	link             string
	live, noOptimize bool
}

func (o *programOptions) flags(f *pflag.FlagSet) {
	f.CountVarP(&o.form, "dump", "d", "print the filter's program: -d for people, -dd for C, -ddd in decimal")
	f.StringVarP(&o.link, "linktype", "y", "EN10MB", "with -d: the link type, "+linkNames())
	f.BoolVar(&o.live, "live", false, "with -d: the form for packet sockets, which ask the kernel for VLAN tags")
	f.BoolVarP(&o.noOptimize, "no-optimize", "O", false, "with -d: leave the program as it comes from the expression")
}

func linkNames() string {
	var list []string
	for _, l := range filter.LinkTypes() {
		list = append(list, l.String())
	}
	return strings.Join(list, ", ")
}

// check refuses what does not go together: everything on the command line is the filter.
func (o *programOptions) check(cmd *cobra.Command, args []string) error {
	if o.form > 3 {
		return &usageError{errors.New("-d is given three times at most")}
	}
	if dash := cmd.ArgsLenAtDash(); dash > 0 {
		return &usageError{fmt.Errorf("-d takes no TARGET: %q", args[0])}
	}
	return nil
}

// runProgram prints the program of a filter. A packet socket's metadata is asked for as tcpdump -y
// does, where there is neither a file nor an interface.
func (a *app) runProgram(ctx context.Context, expr string, o captureOptions) error {
	link, ok := filter.ParseLinkType(o.program.link)
	if !ok {
		return &usageError{fmt.Errorf("link type %q is not one of %s", o.program.link, linkNames())}
	}
	opts := filter.Options{
		Link: link, Snaplen: uint32(o.snaplen), Extensions: filter.Metadata, Names: names.New(ctx), NoOptimize: o.program.noOptimize,
		Netmask: netip.AddrFrom4([4]byte{}),
	}
	if o.program.live {
		opts.Extensions = filter.Live
	}
	p, err := filter.Compile(expr, opts)
	if err != nil {
		return err
	}
	text := p.String()
	switch o.program.form {
	case 2:
		text = p.C()
	case 3:
		text = p.Decimal()
	}
	if _, err := fmt.Fprint(a.stdout, text); err != nil && !gone(err) {
		return fmt.Errorf("print the program: %w", err)
	}
	return nil
}
