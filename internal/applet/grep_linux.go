package applet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// grep is one run of the applet. It adds to busybox's:
// -P, --include and other long options, colors.
type grep struct {
	invert, ignore, quiet, extended, fixed, perl, only, number, with, without bool
	count, list, listNot, recursive, dereference, word, line, silent, text    bool
	skipBinary, basic, flushing, zero                                         bool
	patterns, include, exclude, excludeDir                                    []string
	patternFile, color, label                                                 string
	most, after, before, around                                               int

	re    *regexp.Regexp
	group int
	paint bool
	named bool
	found bool
	bad   bool
	out   *bufio.Writer
}

func runGrep(args []string) error {
	g := &grep{most: -1, out: bufio.NewWriter(os.Stdout)}
	defer g.out.Flush()
	var f *pflag.FlagSet
	rest, err := flags("grep", spreadContext(args), func(set *pflag.FlagSet) {
		f = set
		g.define(f)
	})
	if err != nil {
		return err
	}
	if !g.beyondBusybox() {
		if err := throughBusybox(f, rest); !errors.Is(err, errNoBusybox) {
			return err
		}
	}
	if g.zero {
		return fail(exitUsage, "-z goes with busybox's grep alone, which has no -P, -I, -a, -G, --color, --include and the like")
	}
	if rest, err = g.prepare(rest); err != nil {
		return fail(exitUsage, "%w", err)
	}
	if len(rest) == 0 && g.recursive {
		rest = []string{"."}
	}
	g.named = g.with || !g.without && (len(rest) > 1 || g.recursive)
	if len(rest) == 0 {
		rest = []string{"-"}
	}
	for _, name := range rest {
		g.visit(name)
		if g.quiet && g.found {
			return nil
		}
	}
	switch {
	case g.bad && (!g.quiet || !g.found):
		return &exitError{code: 2}
	case !g.found:
		return &exitError{code: 1}
	}
	return nil
}

// beyondBusybox is whether there is something among the flags that busybox's grep does not have.
func (g *grep) beyondBusybox() bool {
	return g.perl || g.skipBinary || g.text || g.basic || g.flushing || g.paints() || g.label != standardInput ||
		g.include != nil || g.exclude != nil || g.excludeDir != nil
}

func (g *grep) paints() bool { return g.color == "always" || g.color == "auto" && term.IsTerminal(1) }

// standardInput is what it is called where names of files are printed.
const standardInput = "(standard input)"

// spreadContext turns -3 into -C3.
func spreadContext(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		if len(a) > 1 && a[0] == '-' && strings.Trim(a[1:], "0123456789") == "" {
			args[i] = "-C" + a[1:]
		}
	}
	return args
}

func (g *grep) define(f *pflag.FlagSet) {
	for _, b := range []struct {
		p                  *bool
		long, short, usage string
	}{
		{&g.invert, "invert-match", "v", "lines that do not match"}, {&g.ignore, "ignore-case", "i", "upper and lower case alike"},
		{&g.quiet, "quiet", "q", "print nothing"}, {&g.extended, "extended-regexp", "E", "extended expressions"},
		{&g.basic, "basic-regexp", "G", "basic expressions, as without -E"}, {&g.fixed, "fixed-strings", "F", "strings"},
		{&g.perl, "perl-regexp", "P", `Perl's expressions: RE2's, and \K, (?<=...) in front and (?=...) at the end`},
		{&g.only, "only-matching", "o", "what matches alone"}, {&g.number, "line-number", "n", "numbers of lines"},
		{&g.with, "with-filename", "H", "names of files"}, {&g.without, "no-filename", "h", "no names of files"},
		{&g.count, "count", "c", "numbers of matching lines"}, {&g.list, "files-with-matches", "l", "names of files with a match"},
		{&g.listNot, "files-without-match", "L", "names of files without one"}, {&g.recursive, "recursive", "r", "directories and what is in them"},
		{&g.dereference, "dereference-recursive", "R", "the same, and symbolic links"}, {&g.word, "word-regexp", "w", "whole words"},
		{&g.line, "line-regexp", "x", "whole lines"}, {&g.silent, "no-messages", "s", "no word of files that can not be read"},
		{&g.text, "text", "a", "binary files are text"}, {&g.skipBinary, "skip-binary", "I", "leave binary files out"},
	} {
		f.BoolVarP(b.p, b.long, b.short, false, b.usage)
	}
	f.BoolVar(&g.flushing, "line-buffered", false, "print each line when it is found")
	f.BoolVarP(&g.zero, "null-data", "z", false, "lines end with a zero byte")
	f.StringArrayVarP(&g.patterns, "regexp", "e", nil, "pattern")
	f.StringVarP(&g.patternFile, "file", "f", "", "patterns, one a line")
	f.StringArrayVar(&g.include, "include", nil, "files of that name alone")
	f.StringArrayVar(&g.exclude, "exclude", nil, "files of another name")
	f.StringArrayVar(&g.excludeDir, "exclude-dir", nil, "directories of another name")
	f.StringVar(&g.color, "color", "never", "always, auto or never")
	f.Lookup("color").NoOptDefVal = "auto"
	f.StringVar(&g.color, "colour", "never", "the same")
	f.Lookup("colour").NoOptDefVal = "auto"
	f.StringVar(&g.label, "label", standardInput, "name of standard input")
	f.IntVarP(&g.most, "max-count", "m", -1, "so many matching lines of each file")
	f.IntVarP(&g.after, "after-context", "A", 0, "lines after each")
	f.IntVarP(&g.before, "before-context", "B", 0, "lines before each")
	f.IntVarP(&g.around, "context", "C", 0, "both")
}

// prepare makes one expression of the patterns; it returns the files.
func (g *grep) prepare(rest []string) ([]string, error) {
	patterns := g.patterns
	if g.patternFile != "" {
		data, err := readNamed(g.patternFile)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")...)
	}
	if patterns == nil {
		if len(rest) == 0 {
			return nil, errors.New("takes a pattern")
		}
		patterns, rest = strings.Split(rest[0], "\n"), rest[1:]
	}
	g.recursive = g.recursive || g.dereference
	g.after, g.before = max(g.after, g.around), max(g.before, g.around)
	g.paint = g.paints()
	var err error
	g.re, g.group, err = grepExpression(patterns, g)
	return rest, err
}

func (g *grep) complain(err error) {
	g.bad = true
	if !g.silent {
		fmt.Fprintf(os.Stderr, "grep: %v\n", err)
	}
}

// visit searches a file, or all below a directory.
func (g *grep) visit(name string) {
	if name == "-" {
		g.search(g.label, os.Stdin)
		return
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		g.complain(innermostPath(err))
	case !info.IsDir():
		if !g.recursive || g.takes(filepath.Base(name)) {
			g.open(name)
		}
	case !g.recursive:
		g.complain(fmt.Errorf("%s: Is a directory", name))
	default:
		g.walk(name)
	}
}

func (g *grep) walk(root string) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			g.complain(innermostPath(err))
		case d.IsDir():
			if path != root && matchesAny(g.excludeDir, d.Name()) {
				return fs.SkipDir
			}
		case d.Type()&fs.ModeSymlink != 0 && !g.dereference:
		case d.Type()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0: // they could block
		case g.takes(d.Name()):
			g.open(path)
		}
		if g.quiet && g.found {
			return fs.SkipAll
		}
		return nil
	})
}

func (g *grep) takes(name string) bool {
	return (g.include == nil || matchesAny(g.include, name)) && !matchesAny(g.exclude, name)
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := filepath.Match(strings.TrimSuffix(p, "/"), name)
		return ok
	})
}

func (g *grep) open(name string) {
	f, err := os.Open(name)
	if err != nil {
		g.complain(innermostPath(err))
		return
	}
	defer f.Close()
	g.search(name, f)
}

// innermostPath words an error as grep does: NAME: No such file or directory.
func innermostPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// isBinary looks for a zero byte in what is read first of a file, as grep does; it waits for no
// more of a pipe.
func isBinary(r *bufio.Reader) bool {
	_, _ = r.Peek(1)
	start, _ := r.Peek(r.Buffered())
	return bytes.IndexByte(start, 0) >= 0
}
