package applet

import (
	"strings"

	"github.com/spf13/pflag"
)

// runLess gives busybox's less the -V that programs ask whether it is there.
func runLess(args []string) error {
	var f *pflag.FlagSet
	files, err := flags("less", args, func(set *pflag.FlagSet) {
		f = set
		for _, b := range []struct{ name, letter, usage string }{
			{"quit-at-eof", "E", "end at the end of the file"}, {"quit-if-one-screen", "F", "end if all fits on the screen"},
			{"ignore-case", "I", "ignore case when searching"}, {"long-prompt", "M", "a status line"}, {"middle-prompt", "m", "the same"},
			{"line-numbers", "N", "numbers of lines"}, {"raw-control-chars", "R", "without colors: busybox takes them out"},
			{"chop-long-lines", "S", "cut long lines"}, {"tilde", "~", "no ~ behind the end"},
			{"no-init", "X", "makes no difference: the screen is never restored"},
		} {
			f.BoolP(b.name, b.letter, false, b.usage)
		}
	})
	if err != nil {
		return err
	}
	for _, file := range files {
		if strings.HasPrefix(file, "+") {
			return refuse(file)
		}
	}
	return throughBusybox(f, files)
}
