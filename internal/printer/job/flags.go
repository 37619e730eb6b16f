package job

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"
)

// Flags are those about what is printed of a packet; the letters are tcpdump's.
type Flags struct {
	Numbers, Verbose, Clock int // how often each was given
	Link, Quick, Absolute   bool
	Hex, Both, Text         int
}

// maxClock is how many ways there are to print a packet's time, besides the usual one.
const maxClock = 5

// Define adds them to a set.
func (o *Flags) Define(f *pflag.FlagSet) {
	f.CountVarP(&o.Numbers, "numbers", "n", "numbers instead of names of containers, services and protocols; nothing is ever asked of the network")
	f.BoolVarP(&o.Link, "link-header", "e", false, "print the link-layer header too")
	f.BoolVarP(&o.Quick, "quick", "q", false, "print less of a packet")
	f.CountVarP(&o.Verbose, "verbose", "v", "print more of a packet; -vv and -vvv print still more")
	f.CountVarP(&o.Clock, "time", "t", "-t no time, -tt seconds since 1970, -ttt since the packet before, -tttt with the date, -ttttt since the first packet")
	f.BoolVarP(&o.Absolute, "absolute-sequence", "S", false, "print sequence numbers of TCP as they are")
	f.CountVarP(&o.Hex, "hex", "x", "print the bytes of a packet in hexadecimal; -xx with the link-layer header")
	f.CountVarP(&o.Both, "hex-text", "X", "print the bytes of a packet in hexadecimal and as text; -XX with the link-layer header")
	f.CountVarP(&o.Text, "text", "A", "print the bytes of a packet as text; -AA with the link-layer header")
}

// Check reports flags that make no sense together.
func (o *Flags) Check() error {
	kinds := 0
	for _, n := range []int{o.Hex, o.Both, o.Text} {
		if n > 0 {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return errors.New("-x, -X and -A are three ways to print the same bytes: choose one")
	case o.Clock > maxClock:
		return errors.New("-t is given five times at most")
	}
	return nil
}

// args are the flags as they are given.
func (o *Flags) args() []string {
	var b strings.Builder
	for _, f := range []struct {
		letter string
		n      int
	}{
		{"n", o.Numbers}, {"v", o.Verbose}, {"t", o.Clock}, {"x", o.Hex}, {"X", o.Both}, {"A", o.Text},
		{"e", count(o.Link)}, {"q", count(o.Quick)}, {"S", count(o.Absolute)},
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
