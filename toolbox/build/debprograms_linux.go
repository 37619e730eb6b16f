package build

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// firstChoices are the names in a package's field Depends, of alternatives the first.
func firstChoices(depends string) (names []string) {
	for one := range strings.SplitSeq(depends, ",") {
		choice, _, _ := strings.Cut(one, "|")
		if name, _, _ := strings.Cut(strings.TrimSpace(choice), " "); name != "" {
			name, _, _ = strings.Cut(name, ":") // of an architecture
			names = append(names, name)
		}
	}
	return names
}

// programsOf takes the programs of one package. One without programs stands for those it depends
// on: postgresql-client does for that of the newest version.
func (m *maker) programsOf(g *group, p *pkg, list []*pkg) error {
	found, err := m.programsIn(g, p)
	if err != nil || found {
		return err
	}
	for _, q := range list {
		if slices.Contains(p.depends, q.name) {
			has, err := m.programsIn(g, q)
			if err != nil {
				return err
			}
			found = found || has
		}
	}
	if !found {
		m.note("%s: it has no program", p.name)
	}
	return nil
}

// programsIn takes the programs that a package has itself, and says whether there are any.
func (m *maker) programsIn(g *group, p *pkg) (found bool, err error) {
	t, err := openTree(p.files())
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	for _, dir := range t.programFolders() {
		names, err := t.list(dir)
		if err != nil {
			return found, err
		}
		for _, name := range names {
			file := path.Join(dir, name)
			if !g.tree.exists(file) {
				m.note("%s of %s leads nowhere", file, p.name)
				continue
			}
			found = true
			if err := g.addProgram(file); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

// programFolders are the folders of PATH, and those where packages of several versions have theirs,
// as /usr/lib/postgresql/15/bin.
func (t *tree) programFolders() []string {
	folders := []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}
	const own = "usr/lib"
	for _, pattern := range []string{own + "/*/bin", own + "/*/*/bin"} {
		versions, _ := fs.Glob(t.root.FS(), pattern) // the pattern is well formed
		for _, dir := range versions {
			folders = append(folders, "/"+dir)
		}
	}
	return folders
}

// alternatives are endings of programs that packages offer under the name without them when they
// are installed (update-alternatives(1)).
var alternatives = []string{".basic", ".tiny", ".nox", ".openbsd", ".traditional"}

// addAlternatives gives programs the names that they are known by, where nothing else has them.
func (g *group) addAlternatives() error {
	for _, file := range slices.Sorted(maps.Keys(g.names)) {
		name := g.names[file]
		short := strings.TrimSuffix(name, path.Ext(name))
		if slices.Contains(alternatives, path.Ext(name)) && !g.m.paths["bin/"+short] {
			if err := g.addAs(file, short); err != nil {
				return err
			}
		}
	}
	return nil
}
