package capture

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/net/bpf"

	"dlx/capture/pcapng"
	"dlx/internal/linux"
)

// Capture is an open capture. Its owner runs it at most once, from any thread, and closes it.
type Capture struct {
	o      Options
	links  []link
	rings  []*linux.Ring // of each link
	waiter *linux.Waiter
	stats  Stats

	perLink []pcapng.Statistics
	blocks  []pending // of one round
	out     []byte    // what goes to the writer next
}

// blockSize is a block of a ring, in bytes: two of the largest frames, since GSO ones reach 64 KiB, and a size in which
// writes were measured to be steady.
const blockSize = 128 << 10

// Open lists the interfaces and opens, filters and binds the sockets, all of it inside enter. Packets are kept from here
// on; they are written by Run. An interface that comes later is not captured; one that goes down and up again is.
//
// Its errors are *NoInterfaceError, one that wraps ErrPermission, the one that Options.Compile or enter returned, or
// that of a system call.
func Open(enter Enter, o Options) (*Capture, error) {
	if o.SnapLen <= 0 || o.SnapLen > DefaultSnapLen {
		o.SnapLen = DefaultSnapLen
	}
	if o.RingSize <= 0 {
		o.RingSize = DefaultRingSize
	}
	if o.Latency <= 0 {
		o.Latency = DefaultLatency
	}
	c := &Capture{o: o}
	if err := c.open(enter); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Capture) open(enter Enter) (err error) {
	if err := enter(c.openHere); err != nil {
		return err
	}
	c.waiter, err = linux.NewWaiter(c.rings...)
	return err
}

// openHere opens a ring on each interface of the calling thread's network namespace. Only the sockets are made by this
// thread; the rings are set going side by side, since the kernel waits some 10 ms in each.
func (c *Capture) openHere() (err error) {
	if c.links, c.stats.Skipped, err = findLinks(c.o.Interface); err != nil {
		return err
	}
	programs, err := c.programs()
	if err != nil {
		return err
	}
	for range c.links {
		ring, err := linux.NewRing()
		if errors.Is(err, linux.ErrPerm) {
			return fmt.Errorf("%w: %w", ErrPermission, err)
		}
		if err != nil {
			return fmt.Errorf("capture: %w", err)
		}
		c.rings = append(c.rings, ring)
	}
	return sideBySide(len(c.links), func(i int) error { return c.start(i, programs[i]) })
}

// start sets the ring of an interface going.
func (c *Capture) start(i int, program []bpf.RawInstruction) error {
	l := &c.links[i]
	err := c.rings[i].Start(linux.RingOptions{
		Interface: l.index, Size: c.o.RingSize / len(c.links), BlockSize: blockSize, Latency: c.o.Latency,
		Filter: program, NoOutgoing: l.loopback,
	})
	if err != nil {
		return fmt.Errorf("capture on %s: %w", l.label(), err)
	}
	return nil
}

// retConstant is BPF_RET|BPF_K: keep the constant number of bytes (linux/bpf_common.h).
const retConstant = 0x06

// programs are the filters of the interfaces. Where none is wanted, the kernel cuts packets all the same: what is not
// copied into the ring costs nothing.
func (c *Capture) programs() ([][]bpf.RawInstruction, error) {
	compile := c.o.Compile
	if compile == nil {
		compile = func(_ uint16, _ netip.Addr, snaplen uint32) ([]bpf.RawInstruction, error) {
			return []bpf.RawInstruction{{Op: retConstant, K: snaplen}}, nil
		}
	}
	programs := make([][]bpf.RawInstruction, len(c.links))
	for i, l := range c.links {
		var err error
		if programs[i], err = compile(l.linkType, l.netmask, uint32(c.o.SnapLen)); err != nil {
			return nil, fmt.Errorf("interface %s: %w", l.label(), err)
		}
	}
	return programs, nil
}

// Close releases the sockets and the rings, side by side: the kernel takes some 20 ms for each.
func (c *Capture) Close() error {
	err := sideBySide(len(c.rings), func(i int) error { return c.rings[i].Close() })
	c.rings = nil
	if c.waiter != nil {
		err = errors.Join(err, c.waiter.Close())
	}
	return err
}

// sideBySide calls f with 0 to n-1 at the same time and returns the first error in that order: what ails one interface
// mostly ails all.
func sideBySide(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
