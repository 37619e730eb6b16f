package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"dlx/toolbox"
)

// maxEntries is how many files of a folder or an image are looked at.
const maxEntries = 200_000

// dirs takes folders as they lie: bin/x becomes bin/x. Files that lie in no folder are left out.
func (m *maker) dirs(ctx context.Context) error {
	for _, dir := range m.Dirs {
		if err := m.dir(ctx, dir); err != nil {
			return fmt.Errorf("take the folder %s: %w", dir, err)
		}
	}
	return nil
}

func (m *maker) dir(ctx context.Context, dir string) (err error) {
	t, err := openTree(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	source := toolbox.Source{Package: filepath.Base(filepath.Clean(dir)), Version: m.Builder.Version, Origin: toolbox.OriginFolder}
	seen := 0
	return fs.WalkDir(t.root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if seen++; err != nil || ctx.Err() != nil || seen > maxEntries {
			return errors.Join(err, ctx.Err(), tooMany(seen))
		}
		switch {
		case d.IsDir():
			return nil
		case path.Dir(p) == ".":
			m.note("%s lies in no folder, such as bin", p)
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			to, err := t.root.Readlink(p)
			if err == nil && m.claim(p, dir) {
				m.Link(p, to)
			}
			return err
		case !d.Type().IsRegular():
			m.note("%s is no regular file", p)
			return nil
		}
		data, mode, err := t.read("/" + p)
		if err != nil || !m.claim(p, dir) {
			return err
		}
		m.Add(p, data, uint32(mode.Perm()&^0o022), source)
		return nil
	})
}

func tooMany(n int) error {
	if n > maxEntries {
		return fmt.Errorf("more than %d files", maxEntries)
	}
	return nil
}
