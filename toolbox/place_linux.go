package toolbox

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"sync"
	"sync/atomic"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// placers is how many goroutines hash and copy.
const placers = 2

// Place writes the toolbox below dir, which it does not own, hashing what it writes. Every name is
// made new, relative to a held descriptor, and no link is followed. With an error the caller
// removes what is there.
func (v *Verified) Place(ctx context.Context, dir *linux.FD) error {
	p := &placing{box: v, dirs: map[string]*linux.FD{".": dir}}
	err := p.mkdirs()
	if err == nil {
		err = p.files(ctx)
	}
	failpoint.At("place.files")
	delete(p.dirs, ".")
	for _, fd := range p.dirs {
		err = errors.Join(err, fd.Close())
	}
	return err
}

// placing is a placement under way; it owns the directories below the caller's.
type placing struct {
	box  *Verified
	dirs map[string]*linux.FD
}

// mkdirs makes the directories that the files are in.
func (p *placing) mkdirs() error {
	for _, f := range p.box.files {
		if err := p.mkdir(path.Dir(f.Path)); err != nil {
			return err
		}
	}
	return nil
}

func (p *placing) mkdir(name string) error {
	if p.dirs[name] != nil {
		return nil
	}
	if err := p.mkdir(path.Dir(name)); err != nil {
		return err
	}
	parent := p.dirs[path.Dir(name)]
	if err := linux.MkdirAt(parent, path.Base(name), 0o755); err != nil {
		return err
	}
	fd, err := linux.OpenDirAt(parent, path.Base(name))
	if err != nil {
		return err
	}
	p.dirs[name] = fd
	return nil
}

// files places the files, the largest first, so that the goroutines end at about the same time.
func (p *placing) files(ctx context.Context) error {
	files := slices.Clone(p.box.files)
	slices.SortStableFunc(files, func(a, b *entry) int { return cmp.Compare(b.Size, a.Size) })
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, placers)
	for i := range placers {
		wg.Go(func() {
			r := p.box.reader()
			for errs[i] == nil {
				n := int(next.Add(1)) - 1
				if n >= len(files) {
					break
				}
				errs[i] = p.file(ctx, r, files[n])
			}
			next.Store(int64(len(files))) // with an error, the other one stops too
			errs[i] = errors.Join(errs[i], r.Close())
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (p *placing) file(ctx context.Context, r *reader, f *entry) error {
	dir, name := p.dirs[path.Dir(f.Path)], path.Base(f.Path)
	if f.Link != "" {
		return linux.SymlinkAt(f.Link, dir, name)
	}
	fd, err := linux.CreateAt(dir, name, f.Mode)
	failpoint.At("place.created")
	if err != nil {
		return err
	}
	return errors.Join(r.copy(ctx, linux.Writer(fd), f, f.quickSum()), fd.Close())
}
