package toolbox

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dlx/fault"
)

// Store is a folder of bundles that were checked when they came. They are uncompressed archives, so
// a session has nothing to unpack. They are verified again at each use.
type Store struct{ dir string }

// Names in a store.
const (
	storedSuffix = ".tar"
	seenName     = "seen.json"
)

// NewStore is the store of a folder, which need not be there yet.
func NewStore(dir string) *Store { return &Store{dir} }

// Seen is the store's record of which toolboxes were used.
func (s *Store) Seen() (*Seen, error) { return OpenSeen(filepath.Join(s.dir, seenName)) }

// Stored is a bundle in a store.
type Stored struct {
	*Manifest
	File string
}

// Import keeps a bundle that the policy takes, once all of its bytes were compared with their
// digests. It replaces the same bundle as a whole, with the new one's signatures. Another bundle of
// the same name and version is a fault.ToolboxExists.
func (s *Store) Import(b *Bundle, policy *Policy) (*Verified, error) {
	v, err := policy.Verify(b)
	if err != nil {
		return nil, err
	}
	if err := v.CheckBytes(); err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, fmt.Sprintf("%s_%s_%s%s", b.manifest.Name, fileVersion(b.manifest.Version), b.manifest.Arch, storedSuffix))
	if err := s.check(); err != nil {
		return nil, err
	}
	err = locked(filepath.Join(s.dir, "store"), func() error {
		if err := s.clean(); err != nil {
			return err
		}
		if old, err := Open(file); err == nil && old.Digest() != b.Digest() {
			return fault.New(fault.ToolboxExists, b.manifest.Title(), "there is another toolbox %s already, sha256:%.12s", b.manifest.Title(), old.Digest())
		}
		return b.writePlain(file, replaceOwn)
	})
	return v, err
}

// fileVersion is a version as a part of a file's name.
func fileVersion(v string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-', r == '+', r == '~':
			return r
		}
		return '-'
	}, v[:min(len(v), maxName)])
}

// clean removes what killed imports left. It leaves the record's file, which may be being written
// under a lock of its own. The caller holds the store's lock.
func (s *Store) clean() error {
	return removeTemp(s.dir, func(name string) bool { return !strings.HasPrefix(name, tempName(seenName)) })
}

// check wants the folder, if it is there, to be nobody else's.
func (s *Store) check() error {
	if err := CheckOwners(s.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("use the folder of toolboxes: %w", err)
	}
	return nil
}

// List returns what is there, the newest of a name first. What can not be read is an error beside
// the rest.
func (s *Store) List() (list []Stored, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list toolboxes: %w", err)
	}
	var errs []error
	for _, n := range names {
		if strings.HasPrefix(n.Name(), ".") || !strings.HasSuffix(n.Name(), storedSuffix) {
			continue
		}
		file := filepath.Join(s.dir, n.Name())
		b, err := Open(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
			continue
		}
		list = append(list, Stored{b.Manifest(), file})
	}
	slices.SortFunc(list, func(a, b Stored) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Sequence, a.Sequence), cmp.Compare(b.Version, a.Version))
	})
	return list, errors.Join(errs...)
}

// Find returns the bundle of a name, NAME or NAME@VERSION. One that is not there is a
// fault.NoToolbox.
func (s *Store) Find(ref string) (*Bundle, error) {
	name, version, exact := strings.Cut(ref, "@")
	list, err := s.List()
	missing := fault.New(fault.NoToolbox, ref, "no toolbox %q", ref)
	for _, t := range list {
		if t.Name == name && (!exact || t.Version == version) {
			return Open(t.File)
		}
		missing = missing.With(t.Name + "@" + t.Version)
	}
	return nil, errors.Join(missing, err)
}
