package roster

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"dlx/internal/printable"
)

// table says what the tools of the default toolbox are for: a line "[PURPOSE]", then "NAME...: WHAT
// IT DOES" for those.
//
//go:embed tools.txt
var table string

// Tool is one line of the table.
type Tool struct {
	Names   []string // the first is the usual one
	Purpose string
	Does    string
}

// Tools are all of the table, in its order.
func Tools() []Tool {
	var list []Tool
	purpose := ""
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "["); ok && !strings.Contains(line, ": ") {
			purpose = strings.TrimSuffix(rest, "]")
		} else if names, does, ok := strings.Cut(line, ": "); ok {
			list = append(list, Tool{strings.Fields(names), purpose, does})
		}
	}
	return list
}

// other is the purpose of names that the table does not have: they are of a toolbox that somebody
// made.
const other = "of other toolboxes"

// Print lists those of names that word chooses: the one of that name, those of a purpose, those
// with the word in their line. An empty word chooses all. It returns whether there are any.
func Print(w io.Writer, names []string, word string) bool {
	list := choose(present(names), word)
	purpose := ""
	for _, t := range list {
		if t.Purpose != purpose {
			if purpose != "" {
				fmt.Fprintln(w)
			}
			purpose = t.Purpose
			fmt.Fprintf(w, "%s:\n", purpose)
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-24s  %s", printable.Escape(strings.Join(t.Names, ", ")), t.Does), " "))
	}
	if word == "" {
		fmt.Fprintln(w, "\n`tools NAME` shows one, `tools WORD` those for it, `NAME --help` the options.")
	}
	return len(list) > 0
}

// present keeps those of the table that are among the names, and adds names that it lacks.
func present(names []string) []Tool {
	rest := map[string]bool{}
	for _, name := range names {
		rest[name] = true
	}
	var list []Tool
	for _, t := range Tools() {
		t.Names = slices.DeleteFunc(t.Names, func(name string) bool { return !rest[name] })
		for _, name := range t.Names {
			delete(rest, name)
		}
		if len(t.Names) > 0 {
			list = append(list, t)
		}
	}
	for _, name := range names {
		if rest[name] {
			list = append(list, Tool{Names: []string{name}, Purpose: other})
		}
	}
	return list
}

func choose(list []Tool, word string) []Tool {
	word = strings.ToLower(word)
	for _, chosen := range []func(Tool) bool{
		func(t Tool) bool { return slices.Contains(t.Names, word) },
		func(t Tool) bool { return strings.ToLower(t.Purpose) == word },
		func(t Tool) bool {
			return strings.Contains(strings.ToLower(strings.Join(t.Names, " ")+" "+t.Does), word)
		},
	} {
		var found []Tool
		for _, t := range list {
			if chosen(t) {
				found = append(found, t)
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}
