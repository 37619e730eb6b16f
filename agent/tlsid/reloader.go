package tlsid

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"dlx/agent/revocation"
)

// Reloader is an agent's end: its files, read again when they change. It may be used at once.
type Reloader struct {
	files Files
	tell  func(error)
	now   func() time.Time
	every time.Duration

	mu     sync.Mutex
	snap   *snapshot
	read   stamps    // of the files that snap is of
	failed stamps    // of those that are not taken
	looked time.Time // at the files
	told   time.Time // that they are not

	watches watches
}

const (
	// lookEvery is how often the files, and the certificates of open connections, are looked at.
	lookEvery = time.Second
	// tellEvery is how often it is said that files are still not right.
	tellEvery = time.Minute
)

// ServerConfig reads an agent's files, all four. Later ones that are not right leave the former in
// force, and tell, if it is not nil, is called; so it is when a list of revoked certificates has
// expired, with which nobody gets in (revocation.ErrExpired). Errors are of package fault.
func ServerConfig(f Files, tell func(error)) (*Reloader, error) {
	if tell == nil {
		tell = func(error) {}
	}
	r := &Reloader{files: f, tell: tell, now: time.Now, every: lookEvery}
	r.watches.r = r
	r.looked, r.read = r.now(), stat(&f) // before they are read, so that no change goes unseen
	var err error
	if r.snap, err = load(&f, agents); err != nil {
		return nil, err
	}
	if err := r.snap.lists.Expired(r.now()); err != nil {
		tell(err)
	}
	return r, nil
}

// stamps are what tells a file from another, or from itself as it was.
type stamps [4]fs.FileInfo

func stat(f *Files) (s stamps) {
	for i, name := range f.all() {
		s[i], _ = os.Stat(name) // why it is not there is said by who reads it
	}
	return s
}

func (s *stamps) same(o *stamps) bool {
	for i, a := range s {
		b := o[i]
		if (a == nil) != (b == nil) {
			return false
		}
		if a != nil && (!os.SameFile(a, b) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) || a.Mode() != b.Mode()) {
			return false
		}
	}
	return true
}

// current is what the files say, or did when they were last right. They are looked at once in
// lookEvery. Who comes meanwhile waits: if their file system hangs, nobody gets in.
func (r *Reloader) current() *snapshot {
	r.mu.Lock()
	now := r.now()
	var err error
	if since := now.Sub(r.looked); since >= r.every || since < 0 {
		r.looked = now
		err = r.look(now)
	}
	snap := r.snap
	r.mu.Unlock()
	if err != nil {
		r.tell(err)
	}
	return snap
}

// look reads the files if they have changed, and returns what is to be told.
func (r *Reloader) look(now time.Time) error {
	at := stat(&r.files)
	if at.same(&r.read) {
		return nil
	}
	// Files that were not right are read again also if they look the same: what was wrong may have
	// been a folder, or a file half written.
	next, err := load(&r.files, agents)
	if err == nil {
		err = next.lists.Follow(r.snap.lists)
	}
	if err != nil {
		if at.same(&r.failed) && now.Sub(r.told) < tellEvery {
			return nil
		}
		r.failed, r.told = at, now
		return fmt.Errorf("the former certificates stay in force: %w", err)
	}
	r.snap, r.read, r.failed = next, at, stamps{}
	return next.lists.Expired(now)
}

// Lists are the lists of revoked certificates in force.
func (r *Reloader) Lists() *revocation.Lists { return r.current().lists }
