package capture

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"

	"dlx/capture/linktype"
)

// program makes the filter's program for the interfaces that there are.
func (s *source) program() ([]bpf.RawInstruction, error) {
	wanted := s.wanted()
	s.attached = kinds(wanted)
	clear(s.skipped)
	s.byInterface = false
	if !s.any() {
		program, err := s.compile(wanted[0])
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", wanted[0].label(), err)
		}
		// The socket itself leaves out what loopback shows twice.
		return dispatch([]arm{{program: program}}, s.o.Direction)
	}
	var arms []arm
	var first error
	for _, hardware := range s.attached {
		some, err := s.arms(hardware, wanted)
		arms = append(arms, some...)
		if err != nil && first == nil {
			first = err
		}
	}
	if len(arms) == 0 && first != nil {
		return nil, first
	}
	return dispatch(merged(arms), s.o.Direction)
}

// kinds are the kinds of interfaces, each once.
func kinds(list []*link) []uint16 {
	var out []uint16
	for _, l := range list {
		out = append(out, l.hardware)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// arms are those for the interfaces of a kind: one for all of them,
// or one for each if the filter asks for network masks. Interfaces
// without a program are left out; first is the first one's error.
func (s *source) arms(hardware uint16, wanted []*link) (arms []arm, first error) {
	loopback := hardware == linktype.HardwareLoopback
	if program, err := s.compileFor(hardware, netip.Addr{}); err == nil {
		return []arm{{values: []uint32{uint32(hardware)}, loopback: loopback, program: program, extension: bpf.ExtLinkLayerType}}, nil
	}
	s.byInterface = true
	for _, l := range wanted {
		if l.hardware != hardware {
			continue
		}
		program, err := s.compile(l)
		if err != nil {
			s.skipped[l.label()] = err
			if first == nil {
				first = fmt.Errorf("interface %s: %w", l.label(), err)
			}
			continue
		}
		arms = append(arms, arm{values: []uint32{uint32(l.index)}, loopback: loopback, program: program, extension: bpf.ExtInterfaceIndex})
	}
	return arms, first
}

// merged puts arms with the same program together, those of one kind of load next to each other.
func merged(arms []arm) []arm {
	var out []arm
	slices.SortStableFunc(arms, func(a, b arm) int { return int(b.extension) - int(a.extension) })
	for _, a := range arms {
		same := slices.IndexFunc(out, func(o arm) bool {
			return o.extension == a.extension && o.loopback == a.loopback && slices.Equal(o.program, a.program)
		})
		if same < 0 {
			out = append(out, a)
			continue
		}
		out[same].values = append(out[same].values, a.values...)
	}
	return out
}

func (s *source) compile(l *link) ([]bpf.RawInstruction, error) {
	return s.compileFor(l.hardware, s.ring.Netmask(l.name))
}

// compileFor makes the program for a kind of interface.
func (s *source) compileFor(hardware uint16, mask netip.Addr) ([]bpf.RawInstruction, error) {
	snaplen := uint32(s.o.SnapLen)
	if s.Compile == nil {
		return keepAll(snaplen)
	}
	linkType := linkTypeOf(hardware)
	program, err := s.Compile(linkType, mask, snaplen)
	if err != nil || linkType != linktype.LinuxSLL2 {
		return program, err
	}
	return cooked(program)
}

// refilter makes the program anew if kinds of interfaces changed, or if it tells interfaces apart.
func (s *source) refilter() error {
	wanted := s.wanted()
	if len(wanted) == 0 || slices.Equal(kinds(wanted), s.attached) && len(s.skipped) == 0 && !s.byInterface {
		return nil
	}
	program, err := s.program()
	if err != nil {
		return nil //nolint:nilerr // the one before stays: it takes none of the new interfaces' packets
	}
	return s.ring.SetFilter(program)
}
