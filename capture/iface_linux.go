package capture

import (
	"math"
	"runtime"
	"strconv"
	"time"

	"dlx/capture/pcapng"
	"dlx/internal/linux"
)

// iface is an interface as the file describes it.
type iface struct {
	id       uint32 // in the file's section
	link     *link
	linkType uint16
	stats    pcapng.Statistics
	dropped  uint64 // not yet told of at a packet
	until    uint64 // the time of its packets ends here: it has another name since
	retired  bool   // its last figures are written
}

// macSize is the size of an address that a file has room for, in bytes.
const macSize = 6

// interfaceOf finds the interface of a packet. It is described in the file before its first packet,
// and again when its name has changed.
func (c *Capture) interfaceOf(s *source, f *linux.Frame) (*iface, error) {
	if i := s.interfaces[f.Interface]; i != nil && f.Time < i.until {
		return i, nil
	}
	l := s.links.byIndex[f.Interface]
	if l == nil {
		if err := c.update(s); err != nil {
			return nil, err
		}
		l = s.links.byIndex[f.Interface]
	}
	if l != nil && l.before != nil && f.Time < l.since { // the packet has waited in the ring
		i := c.describe(s, l.before)
		i.until = l.since
		return i, nil
	}
	if hardware := f.Hardware(); l == nil || l.hardware != hardware { // it came and went meanwhile
		l = &link{index: f.Interface, name: "if" + strconv.Itoa(int(f.Interface)), hardware: hardware, gone: true}
	}
	return c.describe(s, l), nil
}

// maxInterfaces is how many interfaces a section has at most: readers set limits, and interfaces
// can come and go for ever.
const maxInterfaces = 4096

// describe appends an interface's description.
func (c *Capture) describe(s *source, l *link) *iface {
	if len(c.ifaces) >= maxInterfaces {
		c.newSection()
	}
	i := &iface{id: uint32(len(c.ifaces)), link: l, linkType: linkTypeOf(l.hardware), until: math.MaxUint64}
	i.stats = pcapng.Statistics{Interface: i.id, Start: uint64(time.Now().UnixNano())}
	c.ifaces = append(c.ifaces, i)
	s.interfaces[l.index] = i
	c.appendInterface(s, i)
	return i
}

// newSection ends the file's section and begins another, where every interface is described anew
// when it has a packet.
func (c *Capture) newSection() {
	for _, i := range c.ifaces {
		c.appendStatistics(i)
	}
	for _, s := range c.sources {
		clear(s.interfaces)
		s.last = nil
	}
	c.ifaces = c.ifaces[:0]
	c.appendSection()
	c.names.again()
}

func (c *Capture) appendSection() {
	c.out = pcapng.AppendSection(c.out, &pcapng.Section{Hardware: runtime.GOARCH, OS: "Linux", Application: c.o.Application})
}

func (c *Capture) appendInterface(s *source, i *iface) {
	d := &pcapng.Interface{
		LinkType: i.linkType, SnapLen: uint32(c.o.SnapLen), Name: i.link.name, Description: description(&s.Source),
		Filter: s.Filter, OS: "Linux", Hardware: i.link.driver, Comment: s.Comment,
	}
	if len(i.link.mac) == macSize {
		d.MAC = i.link.mac
	}
	if !i.link.gone {
		d.Speed = s.ring.Speed(i.link.name)
	}
	c.out = pcapng.AppendInterface(c.out, d)
}

// description names the container and its image.
func description(s *Source) string {
	if s.Image == "" {
		return s.Name
	}
	return s.Name + ", image " + s.Image
}
