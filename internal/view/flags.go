// Package view prints the packets of a capture file as tcpdump(1) does. Whoever uses it takes packets apart, and should have
// no privileges to lose.
package view

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"dlx/capture/dissect"
)

// Flags are those about what is printed of a packet; the letters are tcpdump's.
type Flags struct {
	Numbers, verbose, clock int
	link, quick, absolute   bool
	hex, both, text         int
}

// Define adds them to a set.
func (o *Flags) Define(f *pflag.FlagSet) {
	f.CountVarP(&o.Numbers, "numbers", "n", "numbers instead of names of containers, services and protocols; nothing is ever asked of the network")
	f.BoolVarP(&o.link, "link-header", "e", false, "print the link-layer header too")
	f.BoolVarP(&o.quick, "quick", "q", false, "print less of a packet")
	f.CountVarP(&o.verbose, "verbose", "v", "print more of a packet; -vv and -vvv print still more")
	f.CountVarP(&o.clock, "time", "t", "-t no time, -tt seconds since 1970, -ttt since the packet before, -tttt with the date, -ttttt since the first packet")
	f.BoolVarP(&o.absolute, "absolute-sequence", "S", false, "print sequence numbers of TCP as they are")
	f.CountVarP(&o.hex, "hex", "x", "print the bytes of a packet in hexadecimal; -xx with the link-layer header")
	f.CountVarP(&o.both, "hex-text", "X", "print the bytes of a packet in hexadecimal and as text; -XX with the link-layer header")
	f.CountVarP(&o.text, "text", "A", "print the bytes of a packet as text; -AA with the link-layer header")
}

// Check reports flags that make no sense together.
func (o *Flags) Check() error {
	kinds := 0
	for _, n := range []int{o.hex, o.both, o.text} {
		if n > 0 {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return errors.New("-x, -X and -A are three ways to print the same bytes: choose one")
	case o.clock > int(dissect.SinceFirst):
		return errors.New("-t is given five times at most")
	}
	return nil
}

// Args are the flags as they can be given to another dlx.
func (o *Flags) Args() []string {
	var b strings.Builder
	for _, f := range []struct {
		letter string
		n      int
	}{
		{"n", o.Numbers}, {"v", o.verbose}, {"t", o.clock}, {"x", o.hex}, {"X", o.both}, {"A", o.text},
		{"e", count(o.link)}, {"q", count(o.quick)}, {"S", count(o.absolute)},
	} {
		b.WriteString(strings.Repeat(f.letter, f.n))
	}
	if b.Len() == 0 {
		return nil
	}
	return []string{"-" + b.String()}
}

func count(set bool) int {
	if set {
		return 1
	}
	return 0
}

// options are what the flags mean for a printer, without names.
func (o *Flags) options() dissect.Options {
	dump := dissect.NoDump
	for _, d := range []struct {
		n           int
		inner, link dissect.Dump
	}{{o.hex, dissect.Hex, dissect.HexLink}, {o.both, dissect.Both, dissect.BothLink}, {o.text, dissect.Text, dissect.TextLink}} {
		switch {
		case d.n == 1:
			dump = d.inner
		case d.n > 1:
			dump = d.link
		}
	}
	return dissect.Options{
		Link: o.link, Quick: o.quick, Verbose: o.verbose, Absolute: o.absolute, Clock: dissect.Clock(o.clock), Dump: dump,
	}
}
