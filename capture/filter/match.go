package filter

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
)

// state is what a program computes with.
type state struct {
	a, x   uint32
	mem    [16]uint32 // BPF_MEMWORDS
	packet []byte
	length uint32
}

// Match runs a program that was made for files over a packet, which had
// length bytes on the wire. It returns how many bytes of the packet to keep,
// 0 if it does not match. A load beyond its end does not match (bpf(4)).
// golang.org/x/net/bpf would take what was captured for the packet's length.
func (p *Program) Match(packet []byte, length uint32) uint32 {
	s := state{packet: packet, length: length}
	for pc := 0; pc < len(p.raw); pc++ {
		i := &p.raw[pc]
		ok := true
		switch i.Op & classMask {
		case classLD:
			s.a, ok = s.load(i)
		case classLDX:
			s.x, ok = s.load(i)
		case classST:
			s.mem[i.K%16] = s.a
		case classSTX:
			s.mem[i.K%16] = s.x
		case classALU:
			ok = s.compute(i)
		case classJMP:
			pc += s.jump(i)
		case classRET:
			return i.K
		case classMISC:
			if i.Op == txa {
				s.a = s.x
			} else {
				s.x = s.a
			}
		}
		if !ok {
			return 0
		}
	}
	return 0
}

// load is what a load finds; it returns false beyond the packet's end.
func (s *state) load(i *bpf.RawInstruction) (uint32, bool) {
	offset := uint64(i.K)
	switch i.Op {
	case ldImm, ldxImm:
		return i.K, true
	case ldMem, ldxMem:
		return s.mem[i.K%16], true
	case ldLen:
		return s.length, true
	case ldiW, ldiH, ldiB:
		offset += uint64(s.x)
	}
	if offset >= uint64(len(s.packet)) {
		return 0, false
	}
	b := s.packet[offset:]
	switch size := i.Op & sizeMask; {
	case i.Op == ldxMSH:
		return 4 * uint32(b[0]&0xf), true
	case size == sizeW && len(b) >= 4:
		return binary.BigEndian.Uint32(b), true
	case size == sizeH && len(b) >= 2:
		return uint32(binary.BigEndian.Uint16(b)), true
	case size == sizeB:
		return uint32(b[0]), true
	}
	return 0, false
}

// operand is the constant or X.
func (s *state) operand(i *bpf.RawInstruction) uint32 {
	if i.Op&srcX != 0 {
		return s.x
	}
	return i.K
}

// compute changes the accumulator; it returns false for a division by zero.
func (s *state) compute(i *bpf.RawInstruction) bool {
	v := s.operand(i)
	switch op := i.Op &^ srcX; op {
	case addK:
		s.a += v
	case subK:
		s.a -= v
	case mulK:
		s.a *= v
	case divK, modK:
		if v == 0 {
			return false
		}
		if op == divK {
			s.a /= v
		} else {
			s.a %= v
		}
	case orK:
		s.a |= v
	case andK:
		s.a &= v
	case xorK:
		s.a ^= v
	case lshK:
		s.a <<= v
	case rshK:
		s.a >>= v
	case neg:
		s.a = -s.a
	}
	return true
}

// jump is how many instructions to pass over.
func (s *state) jump(i *bpf.RawInstruction) int {
	v := s.operand(i)
	var yes bool
	switch i.Op &^ srcX {
	case ja:
		return int(i.K)
	case jeq:
		yes = s.a == v
	case jgt:
		yes = s.a > v
	case jge:
		yes = s.a >= v
	case jset:
		yes = s.a&v != 0
	}
	if yes {
		return int(i.Jt)
	}
	return int(i.Jf)
}
