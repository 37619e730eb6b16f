package filter_test

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
)

// machine runs classic BPF as bpf(4) and the kernel do. Unlike that of golang.org/x/net/bpf it has
// libpcap's backward jumps (protochain) and Linux's extensions. TestMachine compares the two.
type machine []bpf.RawInstruction

// metadata is what a packet socket knows besides the bytes.
type metadata struct {
	packetType, ifindex uint32
	tagged              bool
	tci                 uint32
}

// maxSteps ends programs that never end by themselves.
const maxSteps = 20000

// run returns what the program returns, and false if it does not end. With metadata it computes as
// the kernel does: shifts take five bits, and an offset is a sum of 32 bits. Without, it computes
// as the other machines do.
func (m machine) run(p []byte, meta *metadata) (uint32, bool) {
	var a, x uint32
	var mem [16]uint32
	load := func(off uint64, size uint16) (uint32, bool) {
		switch {
		case size == 0x00 && off+4 <= uint64(len(p)):
			return binary.BigEndian.Uint32(p[off:]), true
		case size == 0x08 && off+2 <= uint64(len(p)):
			return uint32(binary.BigEndian.Uint16(p[off:])), true
		case size == 0x10 && off+1 <= uint64(len(p)):
			return uint32(p[off]), true
		}
		return 0, false
	}
	pc := 0
	for range maxSteps {
		i := &m[pc]
		pc++
		ok := true
		switch i.Op & 7 {
		case 0, 1: // LD, LDX
			var v uint32
			switch i.Op & 0xe0 {
			case 0x00:
				v = i.K
			case 0x20:
				if i.K >= 0xfffff000 {
					v, ok = meta.load(i.K)
				} else {
					v, ok = load(uint64(i.K), i.Op&0x18)
				}
			case 0x40:
				off := uint64(x) + uint64(i.K)
				if meta != nil {
					off = uint64(uint32(off))
				}
				v, ok = load(off, i.Op&0x18)
			case 0x60:
				v = mem[i.K]
			case 0x80:
				v = uint32(len(p))
			case 0xa0:
				v, ok = load(uint64(i.K), 0x10)
				v = 4 * (v & 0xf)
			}
			if !ok {
				return 0, true
			}
			if i.Op&7 == 0 {
				a = v
			} else {
				x = v
			}
		case 2:
			mem[i.K] = a
		case 3:
			mem[i.K] = x
		case 4:
			v := i.K
			if i.Op&8 != 0 {
				v = x
			}
			if meta != nil && (i.Op&0xf0 == 0x60 || i.Op&0xf0 == 0x70) {
				v &= 31
			}
			if a, ok = alu(i.Op&0xf0, a, v); !ok {
				return 0, true
			}
		case 5:
			if i.Op == 0x05 {
				pc += int(int32(i.K))
				continue
			}
			v := i.K
			if i.Op&8 != 0 {
				v = x
			}
			if holds(i.Op&0xf0, a, v) {
				pc += int(i.Jt)
			} else {
				pc += int(i.Jf)
			}
		case 6:
			return i.K, true
		case 7:
			if i.Op&0x80 != 0 {
				a = x
			} else {
				x = a
			}
		}
	}
	return 0, false
}

func (m *metadata) load(k uint32) (uint32, bool) {
	if m == nil {
		return 0, false
	}
	switch k - 0xfffff000 {
	case 4:
		return m.packetType, true
	case 8:
		return m.ifindex, true
	case 44:
		return m.tci, true
	case 48:
		if m.tagged {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func alu(op uint16, a, v uint32) (uint32, bool) {
	switch op {
	case 0x00:
		return a + v, true
	case 0x10:
		return a - v, true
	case 0x20:
		return a * v, true
	case 0x30:
		if v == 0 {
			return 0, false
		}
		return a / v, true
	case 0x40:
		return a | v, true
	case 0x50:
		return a & v, true
	case 0x60:
		return a << v, true
	case 0x70:
		return a >> v, true
	case 0x80:
		return -a, true
	case 0x90:
		if v == 0 {
			return 0, false
		}
		return a % v, true
	}
	return a ^ v, true
}

func holds(op uint16, a, v uint32) bool {
	switch op {
	case 0x10:
		return a == v
	case 0x20:
		return a > v
	case 0x30:
		return a >= v
	}
	return a&v != 0
}
