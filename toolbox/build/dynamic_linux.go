package build

import (
	"errors"
	"path"

	"dlx/toolbox"
)

// Dynamic adds programs of a file system below root, such as one that packages were unpacked to, with their loader and
// libraries. launcher is the path in the toolbox of the program that starts them, which the caller adds; programs and the
// files that source is asked about are paths below root.
func Dynamic(b *toolbox.Builder, root, launcher string, programs []string, source func(file string) toolbox.Source) (err error) {
	t, err := openTree(root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	m := &maker{Recipe: &Recipe{}, Builder: *b, paths: map[string]bool{}}
	g := m.group("", t, source)
	g.folder, g.run = path.Split(launcher)
	g.folder = path.Clean(g.folder)
	for _, file := range programs {
		if err := g.add(file); err != nil {
			return err
		}
	}
	err = g.addLibraries()
	*b = m.Builder
	return err
}
