package capture

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"dlx/capture/attribution"
	"dlx/capture/linktype"
	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// source is an open Source: a ring for the packets of its interfaces, and what is known of these.
type source struct {
	Source
	o         *Options
	ring      *linux.Ring
	handover  *handover // nil where there is none
	links     *links
	owner     *attribution.Owners // nil if processes are not wanted
	names     *naming             // nil if names are not
	addresses []netip.Addr
	bound     int32 // the interface that the ring is bound to; 0 for all

	interfaces map[int32]*iface // those that packets were seen of, by index
	last       *iface           // the one of the packet before
	skipped    map[string]error
	attached   []uint16 // the kinds of interfaces that the filter was made for
	// byInterface says that the filter asks for network masks.
	byInterface bool

	block   linux.Block // that is being read, if reading
	frame   linux.Frame // the next packet of it, if more
	reading bool
	more    bool
	gap     bool // the next packet comes after a loss

	received, dropped uint64 // by the kernel's count, as of the last time
	removed           bool   // it is to be closed when all that it accepted is written
	empty             bool   // all is
	note              string // for its next packet
	release           func() // gives the memory of its packets back; nil before that is taken
}

// openSource lists the interfaces and opens the sockets inside the namespace, and makes the ring.
func openSource(s Source, o *Options) (_ *source, err error) {
	src := &source{Source: s, o: o, note: s.Comment, interfaces: map[int32]*iface{}, skipped: map[string]error{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, src.close())
		}
	}()
	if s.Compile == nil {
		src.Compile, src.Filter = o.Compile, o.Filter
	}
	if o.Take != nil {
		if src.release, err = o.Take(o.RingSize + handoverRoom(o.RingSize)); err != nil {
			return nil, err
		}
	}
	ring := linux.RingOptions{Size: o.RingSize, BlockSize: blockSize(o.RingSize, o.Latency), Latency: o.Latency}
	if err := src.prepare(&ring); err != nil {
		return nil, err
	}
	if err := src.start(ring); err != nil {
		return nil, fmt.Errorf("capture in %s: %w", s.Name, err)
	}
	return src, nil
}

// start has the ring take over from the early packets, which are read first.
func (s *source) start(o linux.RingOptions) error {
	if err := s.ring.Start(o); err != nil {
		return err
	}
	failpoint.At("capture.started")
	if err := s.ring.Map(); err != nil {
		return err
	}
	failpoint.At("capture.mapped")
	if err := s.handover.settle(s.ring.HalfFull); err != nil {
		return err
	}
	s.more = s.handover.next(&s.frame)
	return nil
}

// prepare makes the ring, which takes as long as all the rest. Meanwhile it finds out what to bind
// to and what to filter.
func (s *source) prepare(ring *linux.RingOptions) (err error) {
	reserved := make(chan error, 1)
	reserving := false
	defer func() {
		if reserving {
			err = errors.Join(err, <-reserved)
		}
	}()
	err = s.Enter(func() (err error) {
		if err := s.openRing(); err != nil {
			return err
		}
		reserving = true
		go func(o linux.RingOptions) { reserved <- s.ring.Reserve(o) }(*ring)
		if s.handover, err = openHandover(ring.Size, s.o.settled); err != nil {
			return err
		}
		failpoint.At("capture.handover")
		return s.openHere()
	})
	failpoint.At("capture.opened")
	if err != nil {
		return err
	}
	if err := s.bind(); err != nil {
		return err
	}
	ring.Interface, ring.NoOutgoing = int(s.bound), s.onLoopback() && s.o.Direction != Out
	if ring.Filter, err = s.program(); err != nil {
		return err
	}
	return s.handover.start(ring)
}

// openRing opens the socket that packets come from, on a thread of the namespace.
func (s *source) openRing() (err error) {
	s.ring, err = linux.NewRing()
	failpoint.At("capture.socket")
	if errors.Is(err, linux.ErrPerm) {
		return fmt.Errorf("%w: %w", ErrPermission, err)
	}
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

// openHere opens the other sockets on a thread of the namespace.
func (s *source) openHere() (err error) {
	if s.links, err = openLinks(); err != nil {
		return err
	}
	if !s.o.NoNames {
		s.addresses = addresses()
	}
	if s.o.NoProcess {
		return nil
	}
	if s.owner, err = attribution.Open(s.ring.HalfFull); err != nil {
		return fmt.Errorf("find processes: %w", err)
	}
	return nil
}

// bind finds the interface to bind to.
func (s *source) bind() error {
	if s.any() {
		return nil
	}
	l := s.links.named(s.o.Interface)
	if l == nil {
		missing := fault.New(fault.NoInterface, s.o.Interface, "no interface %q", s.o.Interface)
		for _, l := range s.links.there() {
			missing = missing.With(l.label())
		}
		return missing
	}
	s.bound = l.index
	return nil
}

func (s *source) any() bool { return s.o.Interface == "" || s.o.Interface == Any }

// wanted are the interfaces to capture on.
func (s *source) wanted() []*link {
	if s.any() {
		return s.links.there()
	}
	if l := s.links.byIndex[s.bound]; l != nil {
		return []*link{l}
	}
	return nil
}

func (s *source) onLoopback() bool {
	l := s.links.byIndex[s.bound]
	return l != nil && l.hardware == linktype.HardwareLoopback
}

// Sizes of blocks, in bytes: at least two of the largest frames, since GSO ones reach 64 KiB; large
// ones wake the reader less often.
const (
	minBlock = 128 << 10
	maxBlock = 1 << 20
)

// blockSize is that of a ring's blocks: there should be some 16. If packets are waited for, most
// blocks are handed over before they are full. The kernel makes small ones sooner: it has pieces of
// that size at hand.
func blockSize(ring int, latency time.Duration) int {
	size := minBlock
	if latency <= DefaultLatency {
		return size
	}
	for size < maxBlock && size*32 <= ring {
		size *= 2
	}
	return size
}

// changed takes note of a change to an interface.
func (s *source) changed(l *link) error {
	if i := s.interfaces[l.index]; i != nil && (i.link.name != l.name || i.link.hardware != l.hardware) {
		i.until = min(i.until, l.since) // what comes after is of an interface that is described anew
	}
	if !s.any() && l.name == s.o.Interface && l.index != s.bound && !l.gone {
		s.bound = l.index
		if err := s.ring.Move(int(l.index)); err != nil {
			return fmt.Errorf("capture on %s, which came back: %w", l.label(), err)
		}
	}
	return s.refilter()
}

// next goes to the next packet: first of those that came early, then of the block, without those.
func (s *source) next() bool {
	if !s.reading {
		return s.handover.next(&s.frame)
	}
	for s.block.Next(&s.frame) {
		if s.handover.over() || !s.handover.had(&s.frame) {
			return true
		}
	}
	return false
}

// figures are how many packets the filter let through, and how many of them were lost. The first
// can become fewer, by those that are found to be there twice.
func (s *source) figures() (received, dropped uint64, err error) {
	received, dropped, err = s.ring.Statistics()
	if e := s.handover; e != nil {
		received += e.frames - e.again
	}
	return received, dropped, err
}

// drained says that it is to be closed now.
func (s *source) drained() bool { return s.removed && s.empty }

// close releases the sockets and the ring. It takes some 20 ms.
func (s *source) close() error {
	var err error
	if s.owner != nil {
		err = s.owner.Close()
	}
	if s.links != nil {
		s.links.close()
	}
	err = errors.Join(err, s.handover.close())
	if s.ring != nil {
		err = errors.Join(err, s.ring.Close())
	}
	if s.release != nil {
		s.release()
	}
	return err
}
