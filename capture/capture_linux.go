package capture

import (
	"errors"
	"sync"

	"dlx/capture/pcapng"
	"dlx/internal/linux"
)

// Capture is an open capture. Its owner runs it at most once and closes it when Run has returned.
type Capture struct {
	o       Options
	waiter  *linux.Waiter
	sources []*source // Run's
	ifaces  []*iface  // by their numbers in the file
	stats   Stats
	buf     []byte // bufferSize bytes
	out     []byte // of it, what goes to the sink next
	room    int    // how many bytes are gathered
	flushed uint64 // packets that went to the sink already
	lost    uint64 // packets that it was told are lost
	fds     []int
	hurry   bool // packets do not wait for older ones of other sources

	names naming

	mu     sync.Mutex
	coming []*source     // those that Run has not seen yet
	going  []*source     // those that it has to give up
	called []pcapng.Name // that it has not seen yet
}

// New makes a capture without a source.
func New(o Options) (*Capture, error) {
	if o.SnapLen <= 0 || o.SnapLen > DefaultSnapLen {
		o.SnapLen = DefaultSnapLen
	}
	if o.RingSize <= 0 {
		o.RingSize = DefaultRingSize
	}
	if o.Latency <= 0 {
		o.Latency = DefaultLatency
	}
	w, err := linux.NewWaiter()
	if err != nil {
		return nil, err
	}
	return &Capture{o: o, waiter: w}, nil
}

// Add opens, filters and binds a source's socket inside its namespace. From here on its packets are
// kept; Run writes them. The function that Add returns gives the source up: what was accepted until
// then is still written. Both can be called from any goroutine, at any time before Close.
//
// Its errors are fault.NoInterface, one that wraps ErrPermission, and those of Options.Compile, of
// Source.Enter and of system calls.
func (c *Capture) Add(s Source) (remove func(), err error) {
	src, err := openSource(s, &c.o)
	if err != nil {
		return nil, err
	}
	c.change(func() { c.coming = append(c.coming, src) })
	return func() { c.change(func() { c.going = append(c.going, src) }) }, nil
}

// change notes what Run has to see to, and wakes it.
func (c *Capture) change(note func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	note()
	c.waiter.Wake()
}

// changes returns what Run has to see to.
func (c *Capture) changes() (coming, going []*source, called []pcapng.Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	coming, going, called = c.coming, c.going, c.called
	c.coming, c.going, c.called = nil, nil, nil
	return coming, going, called
}

// Close releases the sockets and the rings, side by side: the kernel takes some 20 ms for each.
func (c *Capture) Close() error {
	coming, _, _ := c.changes()
	err := sideBySide(append(c.sources, coming...), (*source).close)
	c.sources = nil
	return errors.Join(err, c.waiter.Close())
}

// sideBySide calls f with all at the same time and returns the first error in their order: what
// ails one mostly ails all.
func sideBySide(sources []*source, f func(*source) error) error {
	errs := make([]error, len(sources))
	var wg sync.WaitGroup
	for i, s := range sources {
		wg.Go(func() { errs[i] = f(s) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
