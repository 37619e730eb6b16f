package printer

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"dlx/internal/linux"
)

// stallLimit is how much CPU time may go by without anything being read, while a file of any size
// is read to its end: the packets of a buffer of 64 KiB take milliseconds, at gzip's best ratio
// seconds.
const stallLimit = 30 * time.Second

// StallError reports packets that do not come to their end.
type StallError struct{ Limit time.Duration }

func (e *StallError) Error() string {
	return fmt.Sprintf("packets could not be taken apart in %v of CPU time: what follows is not read", e.Limit)
}

// counted is a reader that counts the reads that brought something.
type counted struct {
	io.Reader
	reads atomic.Uint64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if n > 0 {
		c.reads.Add(1)
	}
	return n, err
}

// Between two looks of the watch, a process that only waits takes less than idleTime.
const (
	lookEvery = 100 * time.Millisecond
	idleTime  = lookEvery / 50
)

// bound runs f, and gives it up as a *StallError when it takes limit of CPU time without a read. f
// goes on then, in a process that is to end.
func (c *counted) bound(limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	began, last, reads := linux.ProcessTime(), linux.ProcessTime(), c.reads.Load()
	for {
		select {
		case err := <-done:
			return err
		case <-look.C:
		}
		now, n := linux.ProcessTime(), c.reads.Load()
		if n != reads || now-last < idleTime {
			began, reads = now, n
		}
		if last = now; now-began >= limit {
			return &StallError{limit}
		}
	}
}
