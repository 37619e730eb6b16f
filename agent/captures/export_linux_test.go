package captures

import (
	"hash"
	"io"
	"time"
)

// Parse and Scan are for fuzzing.
func Parse(id string, data []byte) (Info, error) {
	s, err := parse(id, data)
	return s.Info, err
}

// Scan is scan.
func Scan(r io.Reader, sum hash.Hash) (size int64, packets, dropped uint64, err error) {
	s, err := scan(r, sum)
	return s.size, s.packets, s.dropped, err
}

// SetClock gives a store another clock.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

// MaxSections is the bound.
const MaxSections = maxSections

// HoldDisk has whatever writes a capture wait, as a disk does that does not answer.
func (c *Capture) HoldDisk() (release func()) {
	c.io.Lock()
	return c.io.Unlock
}

// Used is how many bytes of the disk the store knows to be taken.
func (s *Store) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}
