package contexts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dlx/fault"
	"dlx/internal/outfile"
	"dlx/internal/pemfile"
	"dlx/toolbox"
)

// Store is a folder of contexts, which may not be there yet. Errors of all that reads it are
// fault.NotOwned, fault.Writable or fs.ErrPermission where somebody else could have written it.
type Store struct{ dir string }

// At is the store in a folder.
func At(dir string) *Store { return &Store{dir} }

const (
	suffix      = ".json"
	currentName = ".current"
	maxContexts = 256
)

// Put keeps a context. One of the name that is there already is fs.ErrExist unless it is to be
// replaced.
func (s *Store) Put(c *Context, replace bool) error {
	if err := c.check(); err != nil {
		return err
	}
	text, err := c.encode()
	if err != nil {
		return err
	}
	return s.change(func(d *outfile.Dir) error {
		if replace {
			return d.Replace(c.Name+suffix, 0o600, func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			})
		}
		return d.New(c.Name+suffix, 0o600, text)
	})
}

// Get reads a context. None of that name is fault.NoContext.
func (s *Store) Get(name string) (*Context, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	text, err := s.read(name+suffix, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NoContext, name, "there is no context %s in %s: %w", name, s.dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the context %s: %w", name, err)
	}
	c, err := Parse(name, text)
	if err != nil {
		return nil, fmt.Errorf("read the context %s in %s: %w", name, s.dir, err)
	}
	return c, nil
}

// List reads all contexts, by name; with an error, those that can be read.
func (s *Store) List() (list []Context, err error) {
	names, err := s.Names()
	for _, name := range names {
		c, gerr := s.Get(name)
		if gerr != nil {
			err = errors.Join(err, gerr)
			continue
		}
		list = append(list, *c)
	}
	return list, err
}

// Names are the contexts' in order, without a look into them.
func (s *Store) Names() (names []string, err error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list contexts: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || CheckName(name) != nil {
			continue
		}
		if len(names) == maxContexts {
			return names, fmt.Errorf("list contexts: more than %d in %s", maxContexts, s.dir)
		}
		names = append(names, name)
	}
	return names, nil
}

// Current is the name of the context that is meant when none is named, Default if there is none.
func (s *Store) Current() (string, error) {
	text, err := s.read(currentName, maxName+1)
	if errors.Is(err, fs.ErrNotExist) {
		return Default, nil
	}
	if err != nil {
		return "", fmt.Errorf("read which context is meant: %w", err)
	}
	name := strings.TrimSuffix(string(text), "\n")
	if err := CheckName(name); err != nil {
		return "", fmt.Errorf("read which context is meant: %s: %w", filepath.Join(s.dir, currentName), err)
	}
	return name, nil
}

// Use has a context be meant when none is named. With Default or None it is none.
func (s *Store) Use(name string) error {
	if name == Default || name == None {
		if _, err := os.Lstat(s.dir); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return s.change(func(d *outfile.Dir) error {
			err := d.Remove(currentName)
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return err
		})
	}
	return s.change(func(d *outfile.Dir) error {
		if _, err := s.Get(name); err != nil {
			return err
		}
		return d.Replace(currentName, 0o600, func(w io.Writer) error {
			_, err := io.WriteString(w, name+"\n")
			return err
		})
	})
}

// ErrCurrent is why a context is not removed.
var ErrCurrent = errors.New("it is the one that is meant when none is named")

// Remove removes a context. None of that name is fault.NoContext, the current one is ErrCurrent.
func (s *Store) Remove(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return s.change(func(d *outfile.Dir) error {
		if current, err := s.Current(); err != nil || current == name {
			return errors.Join(err, fmt.Errorf("remove the context %s: %w", name, ErrCurrent))
		}
		err := d.Remove(name + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.NoContext, name, "there is no context %s in %s: %w", name, s.dir, err)
		}
		return err
	})
}

// read reads a file of the folder. One that is not there is fs.ErrNotExist, whoever the folder
// belongs to.
func (s *Store) read(base string, limit int64) ([]byte, error) {
	name := filepath.Join(s.dir, base)
	if _, err := os.Lstat(name); err != nil {
		return nil, err
	}
	if err := toolbox.CheckOwners(name); err != nil {
		return nil, err
	}
	return pemfile.Read(name, limit)
}

// change changes the folder, and makes it if need be, while no other dlx does.
func (s *Store) change(f func(d *outfile.Dir) error) error {
	if err := ensure(s.dir); err != nil {
		return fmt.Errorf("keep contexts: %w", err)
	}
	return outfile.Locked(s.dir, func() error {
		d, err := outfile.Own(s.dir)
		if err != nil {
			return err
		}
		return errors.Join(f(d), d.Close())
	})
}

// ensure makes a folder, and those above it, where nobody else can write. No link of somebody
// else's leads there.
func ensure(dir string) error {
	err := toolbox.CheckOwners(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if above := filepath.Dir(dir); above != dir {
		if err := ensure(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return toolbox.CheckOwners(dir)
}
