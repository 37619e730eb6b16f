package capture

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"time"

	"dlx/capture/attribution"
	"dlx/capture/linktype"
	"dlx/capture/pcapng"
	"dlx/capture/process"
	"dlx/internal/linux"
)

// Merger merges blocks that did not come out of a socket, for tests and benchmarks.
type Merger struct {
	c      Capture
	blocks [][]byte
}

// NewMerger makes one for an Ethernet interface of a source for each block.
func NewMerger(blocks ...[]byte) *Merger {
	m := &Merger{Capture{o: Options{SnapLen: DefaultSnapLen}, buf: make([]byte, bufferSize), hurry: true}, blocks}
	m.c.gather()
	for _, b := range blocks {
		s := &source{ring: linux.RingOf(b, len(b)), interfaces: map[int32]*iface{}}
		l := &link{index: 0, name: "eth0", hardware: linktype.HardwareEthernet, gone: true}
		m.c.sources = append(m.c.sources, s)
		m.c.describe(s, l)
	}
	return m
}

// OneByOne has each packet looked at by itself, as with a limit.
func (m *Merger) OneByOne() { m.c.o.Count = math.MaxUint64 }

// WriteSize is how many bytes are written at a time.
const WriteSize = writeSize

// Own has all flows belong to a process.
func (m *Merger) Own(p *process.Process) {
	for _, s := range m.c.sources {
		s.owner = attribution.Known(p)
	}
}

// Name gives the first source interfaces with the numbers below n, and has addresses named.
func (m *Merger) Name(n int32, names ...pcapng.Name) {
	s := m.c.sources[0]
	s.links = &links{byIndex: map[int32]*link{}}
	for index := range n {
		s.links.byIndex[index] = &link{index: index, name: "if" + strconv.Itoa(int(index)), hardware: linktype.HardwareEthernet, gone: true}
	}
	m.c.callBy(s)
	m.c.names.add(false, names)
}

// MaxInterfaces is how many a section has at most.
const MaxInterfaces = maxInterfaces

// Merge writes the packets of the blocks.
func (m *Merger) Merge(w io.Writer) (Stats, error) { return m.MergeTo(ToWriter(w)) }

// MergeTo has a sink take the packets of the blocks.
func (m *Merger) MergeTo(to Sink) (Stats, error) {
	for i, b := range m.blocks {
		binary.NativeEndian.PutUint32(b[8:], 1) // TP_STATUS_USER
		m.c.sources[i].reading = false
	}
	err := m.c.rest(to)
	return m.c.stats, err
}

// Handover returns what tells, once the capture has run, how many packets its first source has from
// before its ring's, and how many of them the ring had as well.
func (c *Capture) Handover() func() (frames, again uint64) {
	e := c.coming[0].handover
	return func() (frames, again uint64) { return e.frames, e.again }
}

// Settling has the rings of a capture take over when f returns, and not when the kernel is fast or
// slow to settle.
func (o Options) Settling(f func() error) Options {
	o.settled = f
	return o
}

// HandoverToHalfFull opens a handover to a ring that is half full from the start. It says whether
// packets are read, and whether settling was waited for all the same, for as long as the limit.
func HandoverToHalfFull(enter Enter, limit time.Duration) (read, waited bool, err error) {
	decided := make(chan struct{})
	var h *handover
	err = enter(func() error {
		h, err = openHandover(1<<20, func() error {
			select {
			case <-decided:
			case <-time.After(limit):
				waited = true
			}
			return linux.SynchronizeRCU()
		})
		return err
	})
	if err != nil {
		return false, false, err
	}
	if err = h.start(&linux.RingOptions{}); err == nil {
		err = h.settle(func() bool { return true })
	}
	close(decided)
	read = h.next(&linux.Frame{})
	err = errors.Join(err, h.close())
	return read, waited, err
}
