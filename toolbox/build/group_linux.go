package build

import (
	"errors"
	"fmt"
	"os"
	"path"

	"dlx/fault"
	"dlx/internal/launcher"
	"dlx/toolbox"
)

// group is the dynamic programs of one tree, in a folder of their own with their loader and
// libraries.
type group struct {
	m      *maker
	folder string
	run    string // the launcher, below the folder
	tree   *tree
	needs  *closure
	source func(file string) toolbox.Source // where a file of the tree comes from
	names  map[string]string                // the first name of each program, by where its links end
}

func (m *maker) group(kind string, t *tree, source func(string) toolbox.Source) *group {
	return &group{m: m, folder: path.Join("libexec", m.Builder.Name+"."+kind), run: launcher.Name, tree: t, needs: newClosure(t), source: source, names: map[string]string{}}
}

// What is no program: a script, since its interpreter would have to come along, and a library.
var (
	errScript        = errors.New("is a script, not a program")
	errNotExecutable = errors.New("is not executable")
)

// addProgram is add for a file that may be no program: then it is left out.
func (g *group) addProgram(file string) error {
	err := g.add(file)
	if errors.Is(err, errScript) || errors.Is(err, errNotExecutable) {
		g.m.note("%v", err)
		return nil
	}
	return err
}

// add takes a program of the tree in, as bin/NAME.
func (g *group) add(file string) error { return g.addAs(file, path.Base(file)) }

func (g *group) addAs(file, name string) error {
	data, mode, err := g.tree.read(file)
	if err != nil {
		return err
	}
	p, err := inspect(data, path.Dir(file))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	case !p.elf:
		return fmt.Errorf("%s %w", file, errScript)
	case mode&0o111 == 0:
		return fmt.Errorf("%s %w", file, errNotExecutable)
	case mode&(os.ModeSetuid|os.ModeSetgid) != 0:
		g.m.note("%s is setuid or setgid, which it will not be in the toolbox", file)
	}
	if !g.m.claim("bin/"+name, file) {
		return nil
	}
	at, err := g.tree.resolve(file)
	if err != nil {
		return err
	}
	first, again := g.names[at] // by another link, as a program of many names has
	if !again {
		g.names[at] = name
	}
	if static := p.loader == "" && len(p.needed) == 0; static {
		if again {
			g.m.Link("bin/"+name, first)
			return nil
		}
		return g.addELF(toolbox.File{Path: "bin/" + name, Mode: 0o755}, data, at)
	}
	g.m.Link("bin/"+name, path.Join("..", g.folder, g.run))
	if again {
		g.m.Link(path.Join(g.folder, launcher.Programs, name), first)
		return nil
	}
	if err := g.needs.add(file, p); err != nil {
		return err
	}
	loader := path.Join(g.folder, launcher.Libs, launcher.Loader)
	return g.addELF(toolbox.File{Path: path.Join(g.folder, launcher.Programs, name), Mode: 0o755, Loader: loader}, data, at)
}

// addELF adds a program or library of the tree's.
func (g *group) addELF(f toolbox.File, data []byte, at string) error {
	return addForeign(&g.m.Builder, f, data, g.source(at))
}

// close adds what the group's programs need.
func (g *group) close() error {
	if g.needs.loader.name == "" {
		return nil
	}
	run, err := launcherProgram()
	if err != nil {
		return err
	}
	g.m.Add(path.Join(g.folder, g.run), run.data, 0o755, run.source)
	if err := g.addData(); err != nil {
		return err
	}
	if err := g.needUnwinder(); err != nil {
		return err
	}
	return g.addLibraries()
}

// unwinder is what the GNU C library loads by itself when a thread ends (sysdeps/nptl/libgcc_s.h):
// a program without it aborts in pthread_exit(3).
const unwinder = "libgcc_s.so.1"

// needUnwinder takes the unwinder in, if the tree has it and a program the GNU C library.
func (g *group) needUnwinder() error {
	libc, ok := g.needs.libs["libc.so.6"]
	if !ok {
		return nil
	}
	p, err := inspect(libc.data, path.Dir(libc.path))
	if err != nil {
		return err
	}
	p.needed = []string{unwinder}
	err = g.needs.need(libc.path, p)
	if errors.Is(err, fault.NoLibrary) {
		g.m.note("%v: programs that end a thread by pthread_exit(3) abort", err)
		return nil
	}
	return err
}

func (g *group) addLibraries() error {
	data, err := redirectLoader(g.needs.loader.data)
	if err != nil {
		return fmt.Errorf("%s: %w", g.needs.loader.path, err)
	}
	loader := path.Join(g.folder, launcher.Libs, launcher.Loader)
	g.m.Add(loader, data, 0o755, g.source(g.needs.loader.path))
	for _, l := range g.needs.sorted() {
		f := toolbox.File{Path: path.Join(g.folder, launcher.Libs, l.name), Mode: 0o644}
		if l.runs { // as libc does, to say its version
			f.Loader = loader
		}
		if err := g.addELF(f, l.data, l.path); err != nil {
			return err
		}
	}
	return nil
}
