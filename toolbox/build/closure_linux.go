package build

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"dlx/fault"
)

// program is what a program's headers say that it needs.
type program struct {
	loader string   // "" for a static program or a library
	needed []string // names of libraries
	search []string // folders that it looks for them in first
	class  elf.Class
	elf    bool
}

// inspect reads a program's headers. What is no ELF file,
// such as a script, has none: it needs nothing.
func inspect(data []byte, dir string) (p program, err error) {
	if !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		return p, nil
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return p, err
	}
	p.elf, p.class = true, f.Class
	for _, h := range f.Progs {
		if h.Type != elf.PT_INTERP {
			continue
		}
		name := make([]byte, min(h.Filesz, 4096))
		if _, err := h.ReadAt(name, 0); err != nil {
			return p, err
		}
		p.loader = string(bytes.TrimRight(name, "\x00"))
	}
	if p.needed, err = f.ImportedLibraries(); err != nil {
		return p, nil //nolint:nilerr // it has no dynamic section
	}
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		values, err := f.DynString(tag)
		if err != nil {
			return p, err
		}
		for _, v := range values {
			for d := range strings.SplitSeq(v, ":") {
				d = strings.NewReplacer("$ORIGIN", dir, "${ORIGIN}", dir).Replace(d)
				p.search = append(p.search, d)
			}
		}
	}
	return p, nil
}

// defaultSearch are the folders that loaders look in (ld.so(8)), Debian's among them.
var defaultSearch = []string{
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
	"/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
}

// library is one that a program needs, with its bytes.
type library struct {
	name string // that programs ask for
	path string // where it was found
	data []byte
	runs bool // it names a loader itself
}

// closure collects the libraries of programs of a tree.
type closure struct {
	t      *tree
	libs   map[string]library
	loader library
}

func newClosure(t *tree) *closure { return &closure{t: t, libs: map[string]library{}} }

// add takes in what a program needs.
func (c *closure) add(name string, p program) error {
	if err := c.addLoader(name, p.loader); err != nil {
		return err
	}
	return c.need(name, p)
}

// need takes in the libraries that a program or a library needs, and what these need.
func (c *closure) need(name string, p program) error {
	type want struct {
		by, lib string
		search  []string
	}
	var queue []want
	push := func(by string, p program) {
		for _, lib := range p.needed {
			queue = append(queue, want{by, lib, p.search})
		}
	}
	push(name, p)
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		if _, known := c.libs[w.lib]; known || w.lib == path.Base(c.loader.path) {
			continue
		}
		l, q, err := c.find(w.by, w.lib, w.search, p.class)
		if err != nil {
			return err
		}
		c.libs[w.lib] = l
		push(l.path, q)
	}
	return nil
}

// addLoader takes the loader in; there is one for all programs of a folder.
func (c *closure) addLoader(by, name string) error {
	switch {
	case name == "":
		return errors.New(by + " has no loader")
	case c.loader.name == name:
		return nil
	case c.loader.name != "":
		return fmt.Errorf("%s has the loader %s, other programs have %s: make two toolboxes", by, name, c.loader.name)
	}
	data, _, err := c.t.read(name)
	if err != nil {
		return fmt.Errorf("the loader of %s: %w", by, err)
	}
	at, err := c.t.resolve(name)
	c.loader = library{name: name, path: at, data: data}
	return err
}

// find looks for a library of a program's class, in the program's own folders first.
func (c *closure) find(by, name string, search []string, class elf.Class) (library, program, error) {
	if strings.Contains(name, "/") {
		return library{}, program{}, fmt.Errorf("%s needs a library by its path, %s", by, name)
	}
	for _, dir := range slices.Concat(search, defaultSearch) {
		file := path.Join(dir, name)
		if !c.t.exists(file) {
			continue
		}
		data, _, err := c.t.read(file)
		if err != nil {
			return library{}, program{}, err
		}
		p, err := inspect(data, dir)
		if err != nil || !p.elf || p.class != class { // for another kind of programs
			continue
		}
		at, err := c.t.resolve(file)
		return library{name, at, data, p.loader != ""}, p, err
	}
	return library{}, program{}, fault.New(fault.NoLibrary, name, "%s needs %s, which is not there", by, name)
}

// sorted are the libraries in the order of their names.
func (c *closure) sorted() []library {
	var list []library
	for _, l := range c.libs {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b library) int { return strings.Compare(a.name, b.name) })
	return list
}
