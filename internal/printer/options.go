package printer

import (
	"dlx/capture/dissect"
	"dlx/internal/printer/job"
)

// options are what flags mean for a printer, without names.
func options(f *job.Flags) dissect.Options {
	dump := dissect.NoDump
	for _, d := range []struct {
		n           int
		inner, link dissect.Dump
	}{{f.Hex, dissect.Hex, dissect.HexLink}, {f.Both, dissect.Both, dissect.BothLink}, {f.Text, dissect.Text, dissect.TextLink}} {
		switch {
		case d.n == 1:
			dump = d.inner
		case d.n > 1:
			dump = d.link
		}
	}
	return dissect.Options{
		Link: f.Link, Quick: f.Quick, Verbose: f.Verbose, Absolute: f.Absolute, Clock: dissect.Clock(f.Clock), Dump: dump,
	}
}
