package policy

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"dlx/internal/strictyaml"
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
	case err == nil && !s.young && s.read != nil && strictyaml.Same(s.read, info):
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
	data, info, err := strictyaml.ReadFile(s.name)
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
