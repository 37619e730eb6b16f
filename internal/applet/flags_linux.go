package applet

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// synopses are the arguments that a usage text names before the flags; an applet without one takes files.
var synopses = map[string]string{
	"curl": "[FLAG...] URL...", "wget": "[FLAG...] URL...", "tls": "[FLAG...] HOST[:PORT]", "ping": "[FLAG...] HOST",
	"dig": "[@SERVER] [-p PORT] [NAME] [TYPE] [-x ADDRESS] [+OPTION...]", "jq": "[FLAG...] [FILTER [FILE...]]",
	"ss": "[FLAG...] [state STATE] [EXPRESSION]", "tcpdump": "[FLAG...] [EXPRESSION]", "grep": "[FLAG...] PATTERN [FILE...]",
}

// flags parses an applet's flags. --help prints them on standard output; a mistake ends the applet with status 2.
func flags(name string, args []string, define func(*pflag.FlagSet)) ([]string, error) {
	f := pflag.NewFlagSet(name, pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.SortFlags = false
	if define != nil {
		define(f)
	}
	switch err := f.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		printUsage(name, f)
		return nil, errHelp
	case err != nil:
		return nil, fail(exitUsage, "%w (%s --help lists the flags)", err, name)
	}
	return f.Args(), nil
}

func printUsage(name string, f *pflag.FlagSet) {
	synopsis, ok := synopses[name]
	if !ok {
		synopsis = "[FLAG...] [FILE...]"
	}
	fmt.Printf("usage: %s %s\n", name, synopsis)
	if text := strings.TrimRight(f.FlagUsages(), "\n"); text != "" {
		fmt.Printf("\n%s\n", text)
	}
}
