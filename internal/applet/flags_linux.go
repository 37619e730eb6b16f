package applet

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"dlx/internal/applet/roster"
	"dlx/internal/version"
)

// exitUsage is the status of a mistake in the arguments.
const exitUsage = 2

// errHelp ends an applet that was asked for its usage or version, which it has printed.
var errHelp = errors.New("help was asked for")

// unknownOptionError is an option that an applet does not have.
type unknownOptionError struct{ option string }

func (e *unknownOptionError) Error() string { return "unknown option " + e.option }

// refuse ends an applet which was given an option that it does not have.
func refuse(option string) error { return &exitError{exitUsage, &unknownOptionError{option}} }

// elsewhere says which options there are, and where a program is that has all of them.
func elsewhere(name string) string {
	text := name + " --help lists the options of this one"
	if deb := roster.Deb(name); deb != "" {
		text += "; the whole program comes with `dlx toolbox build --deb " + deb + "` and `dlx debug --toolbox`"
	}
	return text
}

// flags parses an applet's flags, of which --help and --version end every applet; a mistake ends it
// with status 2.
func flags(name string, args []string, define func(*pflag.FlagSet)) ([]string, error) {
	f := pflag.NewFlagSet(name, pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.SortFlags = false
	if define != nil {
		define(f)
	}
	help, letter := answerLetters(name)
	tells := f.BoolP("version", letter, false, "print the version")
	f.BoolP("help", help, false, "print this")
	err := f.Parse(args)
	if errors.Is(err, pflag.ErrHelp) { // pflag's word for -h where no flag has that letter
		return nil, refuse("-h")
	}
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if missing.GetSpecifiedShortnames() != "" {
			return nil, refuse("-" + missing.GetSpecifiedName())
		}
		return nil, refuse("--" + missing.GetSpecifiedName())
	}
	switch {
	case err != nil:
		return nil, fail(exitUsage, "%w (%s --help lists the flags)", err, name)
	case f.Changed("help"):
		printUsage(name, f.FlagUsages())
		return nil, errHelp
	case *tells:
		printVersion(name)
		return nil, errHelp
	}
	return f.Args(), nil
}

// answerLetters are the short forms of --help and --version, for those whose namesakes have them.
func answerLetters(name string) (help, version string) {
	switch name {
	case "curl", "netstat", "pgrep", "ping", "pkill", "pwdx", "ss", "vmstat", "wget":
		return "h", "V"
	case "lsof", "nc", "tcpdump", "tls":
		return "h", ""
	case "column", "fuser", "grep", "less", "pstree":
		return "", "V"
	}
	return "", ""
}

// answers does the same for an applet that reads its options itself.
func answers(name string, args []string, options string) bool {
	switch {
	case slices.Contains(args, "--help"):
		printUsage(name, options)
	case slices.Contains(args, "--version"):
		printVersion(name)
	default:
		return false
	}
	return true
}

func printUsage(name, options string) {
	fmt.Println(strings.TrimRight("usage: "+name+" "+applets()[name].arguments, " "))
	if options = strings.Trim(options, "\n"); options != "" {
		fmt.Printf("\n%s\n", options)
	}
}

func printVersion(name string) { fmt.Printf("%s (dlx %s)\n", name, version.Version) }

// throughBusybox runs busybox's applet with the flags of those that were given that busybox has,
// each by its letter.
func throughBusybox(f *pflag.FlagSet, rest []string) error {
	var args []string
	f.Visit(func(flag *pflag.Flag) {
		if flag.Shorthand == "" { // such as grep's --color=never, which is so in busybox always
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			switch {
			case flag.Value.Type() != "bool":
				args = append(args, "-"+flag.Shorthand+value)
			case value == "true":
				args = append(args, "-"+flag.Shorthand)
			}
		}
	})
	return becomeBusybox(f.Name(), append(append(args, "--"), rest...))
}
