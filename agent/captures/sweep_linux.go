package captures

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/outfile"
	"dlx/record"
)

// Remove removes a capture that has ended; another one is fault.StillOn.
func (s *Store) Remove(c *Capture) error {
	if c.running() {
		return fault.New(fault.StillOn, c.id, "the capture %s has not ended", c.id)
	}
	c.io.Lock() // nobody looks through its file
	defer c.io.Unlock()
	s.mu.Lock()
	_, there := s.all[c.id]
	delete(s.all, c.id)
	s.mu.Unlock()
	if !there {
		return nil
	}
	s.give(c.owner, c.size)
	return c.remove()
}

// remove removes what a capture has on the disk.
func (c *Capture) remove() (err error) {
	for _, suffix := range []string{dataSuffix, stateSuffix, overSuffix} { // a state without a file is none that goes on
		if uerr := linux.UnlinkAt(c.store.dir, c.id+suffix); uerr != nil && !errors.Is(uerr, linux.ErrNotExist) {
			err = errors.Join(err, uerr)
		}
	}
	return errors.Join(err, linux.Sync(c.store.dir))
}

// Sweep removes captures that ended too long ago, and the oldest of those that have ended while all
// take too many bytes. It returns what it has removed, for the record, also beside an error.
func (s *Store) Sweep() (removed []string, err error) {
	now := s.now()
	ended := s.captures(func(c *Capture) bool { return !c.running() })
	slices.SortFunc(ended, func(a, b *Capture) int {
		i, j := a.Info(), b.Info()
		return cmp.Or(i.Ended.Compare(j.Ended), cmp.Compare(i.ID, j.ID))
	})
	for _, c := range ended {
		s.mu.Lock()
		total := s.total
		s.mu.Unlock()
		old := s.limits.MaxAge > 0 && now.Sub(c.Info().Ended) > s.limits.MaxAge
		if !old && (s.limits.MaxSize == 0 || total <= s.limits.MaxSize) {
			continue
		}
		if rerr := s.Remove(c); rerr != nil {
			err = errors.Join(err, rerr)
			continue
		}
		removed = append(removed, c.id)
	}
	return removed, errors.Join(err, s.removeLeft(now))
}

// removeLeft removes files that are no capture's, and are old: of an agent that was killed while it
// made or removed one.
func (s *Store) removeLeft(now time.Time) error {
	names, err := linux.ReadDir(s.dir, maxNames)
	if err != nil {
		return err
	}
	for _, name := range names {
		id, data := strings.CutSuffix(name, dataSuffix)
		left := data && record.ValidID(id) && !s.has(id)
		if !left && !strings.HasPrefix(name, outfile.TempPrefix) {
			continue
		}
		st, serr := linux.StatAt(s.dir, name)
		if serr != nil || now.Sub(lastWrite(&st)) < max(tempAge, s.limits.MaxAge) {
			continue
		}
		err = errors.Join(err, linux.UnlinkAt(s.dir, name))
	}
	return err
}

func (s *Store) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id] != nil
}
