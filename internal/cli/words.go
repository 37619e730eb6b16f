package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dlx/capture/filter"
	"dlx/engine"
	"dlx/target"
)

// withDashes puts "--" before a verb's second word that is no flag. A session's command begins
// there and has flags of its own, as with docker exec.
func withDashes(verb *cobra.Command, args []string) []string {
	words := 0
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--":
			return args
		case strings.HasPrefix(arg, "-") && arg != "-":
			if takesNext(verb.Flags(), arg) {
				i++
			}
		case words == 1:
			return slices.Concat(args[:i], []string{"--"}, args[i:])
		default:
			words++
		}
	}
	return args
}

// takesNext says whether an argument ends with a flag whose value is the next one, as pflag reads
// it.
func takesNext(flags *pflag.FlagSet, arg string) bool {
	if name, long := strings.CutPrefix(arg, "--"); long {
		f := flags.Lookup(name) // nil with "=", too
		return f != nil && f.NoOptDefVal == ""
	}
	for i := 1; i < len(arg); i++ {
		f := flags.ShorthandLookup(arg[i : i+1])
		if f == nil {
			return false // which parsing reports
		}
		if f.NoOptDefVal == "" {
			return i == len(arg)-1
		}
	}
	return false
}

// withoutDashes finds where the targets of a capture end and its filter begins: at the first word
// that names no container. The first word is one, unless labels choose the containers.
func (a *app) withoutDashes(ctx context.Context, e engine.Engine, words []string, labels bool) (targets []string, expr string, err error) {
	n := 1
	if labels {
		n = 0
	}
	if len(words) <= n {
		return words, "", nil
	}
	there, err := e.Names(ctx)
	if err != nil {
		return nil, "", err
	}
	for n < len(words) {
		name, whole := namesOne(there, words[n])
		keyword := filter.IsKeyword(words[n])
		if keyword && whole {
			return nil, "", &usageError{fmt.Errorf("%q is a container's name and a word of filters: put -- in front of a filter, or its runtime, as docker://, in front of a name", words[n])}
		}
		if !name || keyword {
			break
		}
		n++
	}
	return words[:n], strings.Join(words[n:], " "), nil
}

// namesOne says whether a word names a container, and whether by its whole name.
func namesOne(there []target.Info, word string) (name, whole bool) {
	name = strings.Contains(word, "://")
	for _, c := range there {
		name = name || strings.HasPrefix(c.Name, word) || strings.HasPrefix(c.ID, word)
		whole = whole || c.Name == word
	}
	return name, whole
}

// Verbs of other programs, and what they are here.
var otherVerbs = map[string]string{
	"attach": "debug", "enter": "debug", "exec": "debug", "run": "debug", "sh": "debug", "shell": "debug",
	"sniff": "capture", "tcpdump": "capture", "wireshark": "capture",
	"list": "ps", "ls": "ps",
}

// unknownVerb says which verb may have been meant.
func unknownVerb(root *cobra.Command, name string) error {
	e := &verbError{name: name}
	if other, known := otherVerbs[name]; known {
		e.meant = []string{other}
		return e
	}
	e.meant = root.SuggestionsFor(name)
	return e
}

// verbError is a mistake on the command line.
type verbError struct {
	name  string
	meant []string
}

func (e *verbError) Error() string { return fmt.Sprintf("no command %.64q", e.name) }

// Hint names the verbs that are near, or where they are listed.
func (e *verbError) Hint() string {
	if len(e.meant) == 0 {
		return "`dlx help` lists the commands"
	}
	return "did you mean `dlx " + strings.Join(e.meant, "` or `dlx ") + "`?"
}
