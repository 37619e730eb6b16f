package applet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// tree is one run of the applet: tree(1) with -a -d -L -f -I.
type tree struct {
	all, dirs, full bool
	level           int
	ignore          []string
	nDirs, nFiles   int
}

func runTree(args []string) error {
	t := &tree{}
	roots, err := flags("tree", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&t.all, "all", "a", false, "names that begin with a dot too")
		f.BoolVarP(&t.dirs, "dirs", "d", false, "directories alone")
		f.BoolVarP(&t.full, "full", "f", false, "whole paths")
		f.IntVarP(&t.level, "level", "L", 0, "so deep at most")
		f.StringArrayVarP(&t.ignore, "ignore", "I", nil, "leave names out")
	})
	if err != nil {
		return err
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	for _, root := range roots {
		fmt.Println(printable.Escape(root))
		if err := t.walk(root, "", 1); err != nil {
			return err
		}
	}
	plural := func(n int, one, many string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %s", n, many)
	}
	line := plural(t.nDirs, "directory", "directories")
	if !t.dirs {
		line += ", " + plural(t.nFiles, "file", "files")
	}
	fmt.Printf("\n%s\n", line)
	return nil
}

func (t *tree) walk(dir, mark string, depth int) error {
	if t.level > 0 && depth > t.level {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && depth == 1 {
		return err
	}
	var shown []os.DirEntry
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !t.all
		if !hidden && (e.IsDir() || !t.dirs) && !matchesAny(t.ignore, e.Name()) {
			shown = append(shown, e)
		}
	}
	for i, e := range shown {
		branch, next := "├── ", "│   "
		if i == len(shown)-1 {
			branch, next = "└── ", "    "
		}
		path := filepath.Join(dir, e.Name())
		name := e.Name()
		if t.full {
			name = path
		}
		name = printable.Escape(name)
		if to, err := os.Readlink(path); err == nil {
			name += " -> " + printable.Escape(to)
		}
		fmt.Println(mark + branch + name)
		if !e.IsDir() {
			t.nFiles++
			continue
		}
		t.nDirs++
		if err := t.walk(path, mark+next, depth+1); err != nil {
			return err
		}
	}
	return nil
}
