package captures

import (
	"github.com/docker/go-units"

	"dlx/fault"
	"dlx/internal/linux"
)

// room says whether so many more bytes may be written for an owner.
func (s *Store) room(owner string, n int64) error {
	free, err := linux.Free(s.dir) // which may wait for the disk: nobody else waits for this
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fits(owner, n, free)
}

func (s *Store) fits(owner string, n, free int64) error {
	l := s.limits
	size := func(n int64) string { return units.BytesSize(float64(n)) }
	switch {
	case l.Free > 0 && free-n < l.Free:
		return fault.New(fault.NoRoom, "", "the agent's disk has %s left, of which captures leave %s", size(free), size(l.Free))
	case l.UserBytes > 0 && s.used[owner]+n > l.UserBytes:
		return fault.New(fault.NoRoom, "", "the captures of a user may take %s of the agent's disk", size(l.UserBytes))
	case l.Bytes > 0 && s.total+n > l.Bytes:
		return fault.New(fault.NoRoom, "", "all captures together may take %s of the agent's disk", size(l.Bytes))
	}
	return nil
}

// take takes room for so many bytes.
func (s *Store) take(owner string, n int64) error {
	free, err := linux.Free(s.dir)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fits(owner, n, free); err != nil {
		return err
	}
	s.add(owner, n)
	return nil
}

// give gives room back.
func (s *Store) give(owner string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(owner, -n)
}

func (s *Store) add(owner string, n int64) {
	s.total += n
	if s.used[owner] += n; s.used[owner] == 0 {
		delete(s.used, owner)
	}
}

// count says whether there may be one more.
func (s *Store) count(c *Capture) error {
	var kept, running, own, ownRunning int
	for _, other := range s.all {
		mine := other.owner == c.owner
		on := other.running()
		kept++
		running += number(on)
		own += number(mine)
		ownRunning += number(mine && on)
	}
	for _, bound := range []struct {
		have, most int
		what       string
	}{
		{ownRunning, s.limits.UserRunning, "captures of " + c.state.Info.User + " are under way without a client"},
		{running, s.limits.Running, "captures are under way without a client"},
		{own, s.limits.UserKept, "captures of " + c.state.Info.User + " are kept"},
		{kept, s.limits.Kept, "captures are kept"},
	} {
		if bound.most > 0 && bound.have >= bound.most {
			return fault.New(fault.TooMany, "", "%d %s, which is the most", bound.have, bound.what)
		}
	}
	return nil
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
