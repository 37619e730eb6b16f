package captures

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"dlx/agent/identity"
	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/outfile"
	"dlx/record"
)

// Store is a directory of captures, which nobody but its user may look into. Its methods are for
// any goroutine.
type Store struct {
	limits Limits
	log    *slog.Logger
	dir    *linux.FD
	files  *outfile.Dir
	now    func() time.Time

	mu    sync.Mutex
	all   map[string]*Capture
	used  map[string]int64 // bytes, by owner
	total int64            // bytes
}

// Endings of the names of a capture's files.
const (
	dataSuffix  = ".pcapng"
	stateSuffix = ".json"
	overSuffix  = ".over" // a state whose capture has ended, when there was no room to write that
)

// Open opens a directory of captures, which it makes if need be, but not the one above it. The
// caller sees to it that no other process has it open. What can not be read in it is told to log
// and left alone.
func Open(dir string, limits Limits, log *slog.Logger) (s *Store, err error) {
	s = &Store{limits: limits, log: log, now: time.Now, all: map[string]*Capture{}, used: map[string]int64{}}
	if s.dir, err = outfile.Private(dir); err != nil {
		return nil, fmt.Errorf("open the directory of captures: %w", err)
	}
	if s.files, err = outfile.Own(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open the directory of captures: %w", err), s.dir.Close())
	}
	names, err := linux.ReadDir(s.dir, maxNames)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the directory of captures: %w", err), s.Close())
	}
	for _, name := range names {
		for _, suffix := range []string{stateSuffix, overSuffix} {
			if id, ok := strings.CutSuffix(name, suffix); ok && record.ValidID(id) {
				if err := s.load(id, name, suffix == overSuffix); err != nil {
					log.Error("a capture is passed over", "id", id, "error", err)
				}
			}
		}
	}
	return s, nil
}

// Close gives the directory up. No capture is written any more.
func (s *Store) Close() error { return errors.Join(s.files.Close(), s.dir.Close()) }

// load takes up a capture that is on the disk.
func (s *Store) load(id, name string, over bool) error {
	data, st, err := s.read(name)
	if err != nil {
		return err
	}
	k, err := parse(id, data)
	if err != nil {
		return err
	}
	if over && k.Info.Running() {
		k.Info.Ended, k.Info.Why = time.Unix(st.Ctim.Unix()), "it has ended, and there was no room to write why"
	}
	c := newCapture(s, k)
	if file, err := linux.StatAt(s.dir, id+dataSuffix); err == nil {
		c.size = file.Size
	}
	s.all[id] = c
	s.give(c.owner, -c.size)
	return nil
}

// read reads a small file.
func (s *Store) read(name string) ([]byte, linux.Stat, error) {
	fd, err := linux.OpenBeneath(s.dir, name, linux.ORead|linux.ONonblock|linux.ONoctty)
	if err != nil {
		return nil, linux.Stat{}, err
	}
	defer fd.Close()
	st, err := linux.Fstat(fd)
	if err == nil && (st.Mode&linux.ModeType != linux.ModeRegular || st.Size > maxState) {
		err = fmt.Errorf("%s is no regular file of %d bytes at most", name, maxState)
	}
	if err != nil {
		return nil, st, err
	}
	data := make([]byte, st.Size)
	n, err := linux.ReadAt(fd, data, 0)
	return data[:n], st, err
}

// save has a state on the disk, whole.
func (s *Store) save(k *state) error {
	data, err := json.Marshal(k)
	if err == nil && len(data) > maxState {
		err = fault.New(fault.BadRequest, "", "what is to be captured takes %d bytes to say, and %d is the most", len(data), maxState)
	}
	if err != nil {
		return err
	}
	err = s.files.Replace(k.Info.ID+stateSuffix, 0o600, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	return full(err)
}

// full is an error of the disk's as one that says so.
func full(err error) error {
	if errors.Is(err, linux.ErrNoSpace) || errors.Is(err, linux.ErrQuota) {
		return fault.New(fault.NoRoom, "", "the agent's disk is full: %w", err)
	}
	return err
}

// New makes room for a capture, which is on the disk once its Begin was called, and gives it the
// limits that it lacks. Its user ends it, or pauses it. Errors are fault.TooMany and NoRoom.
func (s *Store) New(d Definition) (*Capture, error) {
	if err := d.limit(); err != nil {
		return nil, err
	}
	c := newCapture(s, state{Version: stateVersion, Definition: d, Info: Info{
		ID: rand.Text(), User: brief(d.Caller.Name), Reason: clip(d.Reason, maxText), Targets: briefly(d.Request.Targets), Labels: briefly(d.Request.Labels),
		Interface: brief(d.Request.Interface), Filter: clip(d.Request.Filter, maxText), MaxBytes: d.Request.MaxBytes,
	}})
	if err := s.room(c.owner, leastRoom); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.count(c); err != nil {
		return nil, err
	}
	s.all[c.id] = c
	return c, nil
}

// Find is the capture of an ID, nil if there is none.
func (s *Store) Find(id string) *Capture {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.all[id]
	if c == nil || !c.begun() {
		return nil
	}
	return c
}

// List lists a user's captures, or everybody's, the oldest first.
func (s *Store) List(of *identity.Caller) (list []Info) {
	for _, c := range s.captures(func(c *Capture) bool { return c.begun() && (of == nil || c.Owned(of)) }) {
		list = append(list, c.Info())
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	return list
}

// Unfinished are the captures that an agent's end has cut off.
func (s *Store) Unfinished() []*Capture {
	return s.captures(func(c *Capture) bool { return c.begun() && c.running() })
}

func (s *Store) captures(which func(*Capture) bool) (list []*Capture) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if which(c) {
			list = append(list, c)
		}
	}
	return list
}

// forget gives up a capture.
func (s *Store) forget(c *Capture) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c.id)
}
