package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"dlx/toolbox"
)

// DefaultFile is where an agent's policy is.
const DefaultFile = toolbox.SystemConfig + "/policy.yaml"

// Source is a policy file on disk. Whatever happens to the file, the last good policy holds. The
// file and the folders above it have to belong to root, or to who runs dlx, and nobody else may be
// able to write there: toolbox.CheckOwners. It is no link, so that the name alone says which file
// it is.
type Source struct {
	name string

	mu     sync.Mutex
	policy *Policy
	read   fs.FileInfo // what the file was when it was last looked at, good or bad; nil: not there
	young  bool        // it had been written so lately that another writing may look the same
}

// settled is how long ago a file was last written before Poll takes it: whoever writes it in place
// may not be done. A replaced file, by rename(2), is whole from the start.
const settled = time.Second

// errNotRegular reports a link, a folder, a device or another special file.
var errNotRegular = errors.New("not a regular file")

// errChanging reports that somebody is writing.
var errChanging = errors.New("it changed while it was read")

// Open reads a policy file.
func Open(name string) (*Source, error) {
	s := &Source{name: name}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Policy is the one that holds.
func (s *Source) Policy() *Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policy
}

// Reload reads the file again. With an error, which is for the administrator to hear, the old
// policy goes on to hold.
func (s *Source) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reload()
}

// Poll reloads a file that has changed, and says whether another policy holds since. Its error is
// told once for each change. Whoever calls it decides how often.
func (s *Source) Poll() (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Lstat(s.name)
	switch {
	case err != nil && s.read == nil:
		return false, nil // which was told
	case err == nil && !s.young && s.read != nil && same(s.read, info):
		return false, nil
	case err == nil && info.ModTime().After(time.Now().Add(-settled)) && !info.ModTime().After(time.Now()):
		return false, nil
	}
	before := s.policy.Digest()
	err = s.reload()
	return s.policy.Digest() != before, err
}

// reload replaces the policy, if the file has one.
func (s *Source) reload() error {
	data, info, err := readFile(s.name)
	s.read, s.young = info, info != nil && time.Since(info.ModTime()) < settled
	if err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	p, err := Parse(s.name, data)
	if err != nil {
		return err
	}
	s.policy = p
	return nil
}

// same says whether nobody has written a file or put another one in its place.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// readFile reads a file that may say what holds on this machine. What it was like is told with an
// error too, if it was there.
func readFile(name string) (data []byte, info fs.FileInfo, err error) {
	if info, err = os.Lstat(name); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, fmt.Errorf("%s: %w", name, errNotRegular)
	}
	if err := toolbox.CheckOwners(name); err != nil {
		return nil, info, err
	}
	between("looked")
	f, err := os.Open(name)
	if err != nil {
		return nil, info, err
	}
	defer func() { _ = f.Close() }() // was only read
	between("opened")
	if data, err = io.ReadAll(io.LimitReader(f, MaxSize+1)); err != nil {
		return nil, info, err
	}
	// What was looked at is what was read: os.Open follows a link that has come since.
	return data, info, unchanged(f, info, name)
}

// between is called between two steps of reading, where a test changes the file.
var between = func(step string) {}

func unchanged(f *os.File, info fs.FileInfo, name string) error {
	now, err := f.Stat()
	if err == nil && !same(info, now) {
		err = fmt.Errorf("%s: %w", name, errChanging)
	}
	return err
}
