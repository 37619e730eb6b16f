package build

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"dlx/fault"
	"dlx/internal/launcher"
	"dlx/toolbox"
)

// dataSet is files that a program or a library looks for.
// A variable tells it where the toolbox has them.
type dataSet struct {
	from  []string          // folders of the tree
	to    string            // below the folder of the programs
	env   map[string]string // variables with paths below the folder of the programs
	takes func(file string) bool
}

// dataOf is what a program or a library of a name looks for.
func dataOf(name string) (s dataSet, ok bool) {
	switch {
	case strings.HasPrefix(name, "libtinfo.so."), strings.HasPrefix(name, "libncurses"): // terminfo(5)
		return dataSet{
			from: []string{"/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"}, to: "share/terminfo",
			env: map[string]string{"TERMINFO_DIRS": "share/terminfo"}, takes: isTerminal,
		}, true
	case pythonVersion(name) != "":
		dir := "lib/python" + pythonVersion(name)
		// With PYTHONSAFEPATH, whatever its value, python(1) takes no module from the working
		// directory, which is the container's. It is of Python 3.11.
		env := map[string]string{"PYTHONHOME": ".", "PYTHONSAFEPATH": "."}
		return dataSet{from: []string{"/usr/" + dir}, to: dir, env: env, takes: isPython}, true
	case name == "gdb": // it looks for its module where Python does, too
		const dir = "share/gdb/python"
		return dataSet{from: []string{"/usr/" + dir}, to: dir, env: map[string]string{"PYTHONPATH": dir}, takes: isPython}, true
	case name == "vim", strings.HasPrefix(name, "vim."): // $VIM of vim(1)
		return dataSet{from: []string{"/usr/share/vim"}, to: "share/vim", env: map[string]string{"VIM": "share/vim"}, takes: all}, true
	}
	return dataSet{}, false
}

// pythonVersion is the version of Python's that a program or library is of, as 3.11, or "".
func pythonVersion(name string) string {
	version, ok := strings.CutPrefix(strings.TrimPrefix(name, "lib"), "python")
	version, _, _ = strings.Cut(version, ".so")
	major, minor, dotted := strings.Cut(version, ".")
	if _, err := strconv.Atoi(major + minor); !ok || !dotted || err != nil {
		return ""
	}
	return version
}

func all(string) bool { return true }

// terminals are those that people have, and what multiplexers and serial lines are.
var terminals = strings.Fields(`alacritty ansi cygwin dumb foot linux rxvt rxvt-256color rxvt-unicode rxvt-unicode-256color screen
	screen-256color screen.xterm-256color st-256color tmux tmux-256color vt100 vt102 vt220 wezterm xterm xterm-256color xterm-color
	xterm-ghostty xterm-kitty`)

func isTerminal(file string) bool { return slices.Contains(terminals, path.Base(file)) }

// unwantedPython are parts of Python's library that no program needs in a container.
var unwantedPython = []string{"__pycache__", "test", "tests", "idlelib", "tkinter", "ensurepip", "lib2to3", "distutils", "pydoc_data", "dist-packages", "site-packages"}

func isPython(file string) bool {
	return !slices.ContainsFunc(strings.Split(path.Dir(file), "/"), func(dir string) bool {
		return slices.Contains(unwantedPython, dir) || strings.HasPrefix(dir, "config-")
	})
}

// addData adds the data of the group's programs and libraries, and the file that says where it is.
func (g *group) addData() error {
	var names []string
	for file, name := range g.names { // python3 is a link to that of its version
		names = append(names, name, path.Base(file))
	}
	for name := range g.needs.libs {
		names = append(names, name)
	}
	slices.Sort(names)
	env := map[string]string{}
	for _, name := range names {
		s, ok := dataOf(name)
		if !ok || hasAny(env, s.env) {
			continue
		}
		taken, err := g.addSet(s)
		if err != nil {
			return err
		}
		if taken {
			maps.Copy(env, s.env)
		}
	}
	if len(env) > 0 {
		run, err := launcherProgram()
		if err != nil {
			return err
		}
		g.m.Add(path.Join(g.folder, launcher.EnvFile), launcher.Env(env), 0o644, run.source)
	}
	return nil
}

func hasAny(env, names map[string]string) bool {
	for name := range names {
		if _, has := env[name]; has {
			return true
		}
	}
	return false
}

// addSet adds the files of a set, those of its first folder that has them.
func (g *group) addSet(s dataSet) (taken bool, err error) {
	for _, from := range s.from {
		dir, err := g.tree.resolve(from)
		if err != nil {
			return taken, err
		}
		err = fs.WalkDir(g.tree.root.FS(), rel(dir), func(p string, d fs.DirEntry, err error) error {
			file := strings.TrimPrefix(p, rel(dir)+"/")
			if err != nil || d.IsDir() || !s.takes(file) || !g.tree.exists("/"+p) {
				return err
			}
			to := path.Join(g.folder, s.to, file)
			if g.m.paths[to] {
				return nil
			}
			g.m.paths[to], taken = true, true
			return g.addDatum("/"+p, to)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return taken, err
		}
	}
	return taken, nil
}

// addDatum adds a file, and what it needs if it is a library, as modules of Python's are.
func (g *group) addDatum(file, to string) error {
	data, _, err := g.tree.read(file)
	if err != nil {
		return err
	}
	at, err := g.tree.resolve(file)
	if err != nil {
		return err
	}
	p, err := inspect(data, path.Dir(file))
	if err != nil {
		return err
	}
	if p.elf {
		if err := g.needs.need(file, p); err != nil {
			if !errors.Is(err, fault.NoLibrary) {
				return err
			}
			g.m.note("%s: %v", file, err)
			return nil
		}
		return g.addELF(toolbox.File{Path: to, Mode: 0o644}, data, at)
	}
	g.m.Add(to, data, 0o644, g.source(at))
	return nil
}
