package applet

import (
	"os"
	"strings"

	"dlx/internal/applet/roster"
)

// runTools lists what is in the toolbox, by what it is for.
func runTools(name string, args []string) error {
	words, err := flags(name, args, nil)
	if err != nil {
		return err
	}
	dir := toolboxDir()
	if dir == "" {
		return fail(1, "this program does not lie in a toolbox")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	if !roster.Print(os.Stdout, names, strings.Join(words, " ")) {
		return fail(1, "nothing in the toolbox is called %q, or is for it", strings.Join(words, " "))
	}
	return nil
}
