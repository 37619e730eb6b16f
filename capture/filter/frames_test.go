package filter_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"dlx/capture/filter"
)

// makeFrames returns n whole frames of the link type, the same ones each time.
// Their fields come from the small sets that the expressions of the corpus use.
func makeFrames(link filter.LinkType, n int) [][]byte {
	g := frameGen{rand.New(rand.NewPCG(0x646c78, uint64(link)))}
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = g.frame(link)
	}
	return frames
}

// cutFrames returns n of the frames cut short. The lengths go round from 0 to
// 130, so that with enough of them every header is cut at every byte.
func cutFrames(frames [][]byte, n int) [][]byte {
	cut := make([][]byte, 0, n)
	for at := 0; len(cut) < n && len(frames) > 0; at++ {
		want := len(cut) % 131
		for try := 0; try < len(frames) && len(frames[at%len(frames)]) <= want; try++ {
			at++
		}
		f := frames[at%len(frames)]
		k := min(want, len(f))
		cut = append(cut, f[:k:k])
	}
	return cut
}

// EtherTypes and the two numbers below them that Linux uses for 802.3 frames.
const (
	typeIPXRaw, typeLLC           = 0x0001, 0x0004
	typeIP, typeARP, typeRARP     = 0x0800, 0x0806, 0x8035
	typeIP6, typeTEB              = 0x86dd, 0x6558
	typeDecnet, typeAtalk         = 0x6003, 0x809b
	typeAARP, typeIPX             = 0x80f3, 0x8137
	typePPPoEDisc, typePPPoESess  = 0x8863, 0x8864
	protoICMP, protoIGMP          = 1, 2
	protoTCP, protoIGRP, protoUDP = 6, 9, 17
	protoESP, protoAH, protoICMP6 = 50, 51, 58
	protoPIM, protoVRRP           = 103, 112
	protoSCTP                     = 132
	portGeneve                    = 6081
)

type frameGen struct{ r *rand.Rand }

func pick[T any](g frameGen, of ...T) T { return of[g.r.IntN(len(of))] }

// oneIn says yes once in n times.
func (g frameGen) oneIn(n int) bool { return g.r.IntN(n) == 0 }

// bytes returns n bytes, half of the time all zero.
func (g frameGen) bytes(n int) []byte {
	b := make([]byte, n)
	if g.oneIn(2) {
		for i := range b {
			b[i] = byte(g.r.Uint32())
		}
	}
	return b
}

func be16(b []byte, vs ...int) []byte {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	return b
}

func be32(b []byte, vs ...int) []byte {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// frame makes one frame, one in 24 of them of random bytes.
func (g frameGen) frame(link filter.LinkType) []byte {
	if g.oneIn(24) {
		b := g.bytes(g.r.IntN(150))
		if link == filter.IPv6 && len(b) > 6 {
			b[6] = protoUDP // zeros would be a chain of more headers than protochain follows: TestDiffers has that
		}
		return b
	}
	switch link {
	case filter.Ethernet:
		return g.ethernet(2)
	case filter.LinuxSLL:
		typ, body := g.body(2)
		b := be16(nil, pick(g, 0, 1, 2, 3, 4), pick(g, 1, 1, 772, 512, 824, 778), pick(g, 6, 6, 8, 0))
		return append(be16(append(append(b, g.mac()...), 0, 0), typ), body...)
	case filter.LinuxSLL2:
		typ, body := g.body(2)
		b := be32(be16(nil, typ, 0), pick(g, 1, 2, 7))
		b = append(be16(b, pick(g, 1, 1, 772, 512, 824, 778)), pick[byte](g, 0, 1, 2, 3, 4), pick[byte](g, 6, 6, 8, 0))
		return append(append(append(b, g.mac()...), 0, 0), body...)
	case filter.Null, filter.Loop:
		v6, body := g.ip(2)
		family := 2
		if v6 {
			family = pick(g, 10, 10, 24, 28, 30)
		}
		if g.oneIn(16) {
			family = pick(g, 0, 7, 16, 0x0a000000, 0x02000000)
		}
		if link == filter.Loop {
			return append(be32(nil, family), body...)
		}
		return append(binary.LittleEndian.AppendUint32(nil, uint32(family)), body...)
	}
	for {
		v6, body := g.ip(2)
		if link == filter.Raw || v6 == (link == filter.IPv6) {
			return body
		}
	}
}

func (g frameGen) mac() []byte {
	switch g.r.IntN(9) {
	case 0:
		return []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	case 1:
		return []byte{1, 0, 0x5e, 0, 0, pick[byte](g, 1, 5, 18)}
	case 2:
		return []byte{pick[byte](g, 1, 0x33), pick[byte](g, 0x80, 0x33), pick[byte](g, 0xc2, 0), 0, 0, pick[byte](g, 0, 1)}
	}
	return []byte{2, 0, 0, 0, 0, pick[byte](g, 1, 2, 3)}
}

func (g frameGen) ethernet(depth int) []byte {
	typ, body := g.body(depth)
	b := append(g.mac(), g.mac()...)
	b[6] &^= 1 // no group address as the source
	if typ == typeLLC || typ == typeIPXRaw {
		typ = len(body)
	}
	b = append(be16(b, typ), body...)
	if len(b) < 60 && g.oneIn(2) { // padded as on a wire
		b = append(b, make([]byte, 60-len(b))...)
	}
	return b
}

// body returns what follows the addresses: a type and what it announces.
func (g frameGen) body(depth int) (int, []byte) {
	switch k := g.r.IntN(100); {
	case k < 45 || depth < 0:
		if v6, b := g.ip(depth); v6 {
			return typeIP6, b
		} else {
			return typeIP, b
		}
	case k < 53:
		b := append(be16(nil, 1, typeIP, 0x0604, pick(g, 1, 2, 3, 4)), g.mac()...)
		b = append(append(append(b, g.addr4()...), g.mac()...), g.addr4()...)
		return pick(g, typeARP, typeARP, typeRARP), b
	case k < 66:
		typ, b := g.body(depth - 1)
		if typ < 1536 {
			typ = len(b)
		}
		tci := pick(g, 0, 0, 0xe000, 0x1000) | pick(g, 100, 100, 200, 0, 4095)
		return pick(g, 0x8100, 0x8100, 0x88a8, 0x9100), append(be16(nil, tci, typ), b...)
	case k < 74:
		return pick(g, 0x8847, 0x8847, 0x8848), g.mpls(depth)
	case k < 78:
		return typePPPoEDisc, append(be16([]byte{0x11, pick[byte](g, 9, 7, 0x19, 0x65, 0xa7)}, 0, 4), 1, 1, 0, 0)
	case k < 84:
		v6, b := g.ip(depth)
		proto := 0x0021
		if v6 {
			proto = 0x0057
		}
		if g.oneIn(8) {
			proto = pick(g, 0xc021, 0x0023, 0x8021)
		}
		return typePPPoESess, append(be16([]byte{0x11, 0}, pick(g, 0x27, 0x27, 1, 0), len(b)+2, proto), b...)
	case k < 93:
		return g.llc(depth)
	}
	return g.otherType()
}

func (g frameGen) mpls(depth int) []byte {
	var b []byte
	for n := pick(g, 1, 1, 2, 2, 3); n > 0; n-- {
		bottom := 0
		if n == 1 && !g.oneIn(10) { // at times the last label does not say so
			bottom = 0x100
		}
		b = be32(b, pick(g, 5, 6, 1024, 0, 1048575)<<12|pick(g, 0, 5)<<9|bottom|64)
	}
	_, ip := g.ip(depth)
	return append(b, ip...)
}

// llc makes 802.3 frames: LLC of every kind, SNAP and IPX without LLC.
func (g frameGen) llc(depth int) (int, []byte) {
	switch g.r.IntN(8) {
	case 0:
		return typeIPXRaw, append([]byte{0xff, 0xff}, g.bytes(30)...)
	case 1:
		return typeLLC, append([]byte{0x42, 0x42, 3}, g.bytes(35)...)
	case 2, 3:
		osi := []byte{0xfe, 0xfe, 3, pick[byte](g, 0x81, 0x82, 0x83, 0x83, 0x83), 27, 1, 0}
		return typeLLC, append(append(osi, pick[byte](g, 15, 16, 17, 18, 20, 24, 25, 26, 27)), g.bytes(24)...)
	case 4: // SNAP
		typ, b := g.body(depth - 1)
		oui := []byte{0xaa, 0xaa, 3, 0, 0, 0}
		switch g.r.IntN(4) {
		case 0:
			oui[3], oui[5], typ = 8, 7, pick(g, typeAtalk, typeAtalk, typeAARP)
		case 1:
			oui[5], typ = 0x0c, 0x2000
		case 2:
			typ = pick(g, typeAARP, typeIPX, typeAtalk, typeDecnet)
		}
		return typeLLC, append(be16(oui, typ), b...)
	}
	sap := pick[byte](g, 0xf0, 0xf0, 0xe0, 0xfe, 0x42, 0x06)
	b := []byte{sap, sap | pick[byte](g, 0, 0, 1)} // the low bit marks a response
	control := pick(g, []byte{0, 0}, []byte{2, 4}, []byte{1, 0}, []byte{5, 2}, []byte{9, 0},
		[]byte{3}, []byte{0x63}, []byte{0x73}, []byte{0x43}, []byte{0x6f}, []byte{0x7f},
		[]byte{0xe3}, []byte{0xaf}, []byte{0x87}, []byte{0x97})
	return typeLLC, append(append(b, control...), g.bytes(pick(g, 0, 3, 40))...)
}

// otherType makes frames of the types nobody talks any more.
func (g frameGen) otherType() (int, []byte) {
	if g.oneIn(3) {
		return typeDecnet, g.decnet()
	}
	typ := pick(g, 0x6001, 0x6002, 0x6004, 0x6007, typeAtalk, typeAARP, typeIPX, 0x9000, 0x88cc, typeTEB, 0x1234)
	return typ, append([]byte{pick[byte](g, 0, 1, 5, 8)}, g.bytes(g.r.IntN(50))...)
}

// decnet makes a routing header, short or long, with its little-endian
// length and addresses, and at times the padding byte before it.
func (g frameGen) decnet() []byte {
	node := func() []byte {
		return binary.LittleEndian.AppendUint16(nil, pick[uint16](g, 1, 1, 10)<<10|pick[uint16](g, 1, 2, 3, 123))
	}
	b := []byte{40, 0}
	if g.oneIn(2) {
		b = append(b, 0x81)
	}
	if g.oneIn(2) {
		b = append(append(append(b, pick[byte](g, 0x02, 0x0a)), node()...), node()...)
		return append(b, g.bytes(20)...)
	}
	b = append(append(b, pick[byte](g, 0x06, 0x26), 0, 0, 0xaa, 0, 4, 0), node()...)
	return append(append(append(b, 0, 0, 0xaa, 0, 4, 0), node()...), g.bytes(20)...)
}

// ip makes an IPv4 or IPv6 packet and says whether it is IPv6.
func (g frameGen) ip(depth int) (bool, []byte) {
	if g.oneIn(3) {
		return true, g.ip6(depth)
	}
	return false, g.ip4(depth)
}

func (g frameGen) addr4() []byte {
	a := pick(g, "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.5", "10.1.0.7", "192.168.1.1",
		"224.0.0.1", "224.0.0.18", "255.255.255.255", "0.0.0.0", "10.0.0.255")
	return netip.MustParseAddr(a).AsSlice()
}

func (g frameGen) addr6() []byte {
	a := pick(g, "2001:db8::1", "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db9::1", "fe80::1", "ff02::1", "::")
	return netip.MustParseAddr(a).AsSlice()
}

func (g frameGen) proto(v6 bool) byte {
	icmp := pick[byte](g, protoICMP, protoICMP, protoICMP, protoICMP6) // seldom the wrong one
	if v6 {
		icmp = pick[byte](g, protoICMP6, protoICMP6, protoICMP6, protoICMP)
	}
	return pick(g, protoTCP, protoTCP, protoTCP, protoTCP, protoUDP, protoUDP, protoUDP, icmp, icmp,
		pick[byte](g, protoSCTP, protoSCTP, protoESP, protoAH, protoAH, protoPIM, protoVRRP, protoIGMP, protoIGRP, 47, 89))
}

func (g frameGen) ip4(depth int) []byte {
	words := pick(g, 0, 0, 0, 0, 1, 3, 10) // of options
	frag := pick(g, 0, 0, 0, 0x4000, 0x4000, 0x4000, 0x2000, 0x2000|185, 370)
	proto := g.proto(false)
	data := g.transport(proto, depth)
	b := []byte{byte(0x45 + words), pick[byte](g, 0, 0, 1, 0x10, 0xb8)}
	b = be16(b, 20+4*words+len(data), pick(g, 0, 1, 0x1234), frag)
	b = be16(append(b, pick[byte](g, 64, 64, 1, 4, 128, 255), proto), g.r.IntN(65536))
	b = append(append(b, g.addr4()...), g.addr4()...)
	for range words {
		b = append(b, pick[byte](g, 7, 1, 0x94), 4, 0, 0)
	}
	return append(b, data...)
}

// ip6 makes a packet with zero to three headers between IPv6 and the transport.
func (g frameGen) ip6(depth int) []byte {
	next := g.proto(true)
	data := g.transport(next, depth)
	for range pick(g, 0, 0, 0, 1, 1, 2, 3) {
		ext := pick[byte](g, 0, 43, 44, 60, protoAH)
		hdr := []byte{next, 0}
		switch ext {
		case 44:
			hdr = be32(be16(hdr, pick(g, 0, 1, 185<<3|1, 370<<3)), 7)
		case protoAH:
			hdr[1] = 4 // counted in 4 bytes and without the first two
			hdr = append(hdr, g.bytes(22)...)
		default:
			hdr[1] = pick[byte](g, 0, 0, 1, 2)
			hdr = append(hdr, g.bytes(6+8*int(hdr[1]))...)
		}
		next, data = ext, append(hdr, data...)
	}
	b := be16(be32(nil, 6<<28|pick(g, 0, 0, 0xb8)<<20|pick(g, 0, 0, 0x12345)), len(data))
	b = append(b, next, pick[byte](g, 64, 64, 1, 255))
	return append(append(append(b, g.addr6()...), g.addr6()...), data...)
}

func (g frameGen) port() int {
	other := pick(g, 0, 20, 23, 67, 123, 161, 500, 514, 4500, 8010, 65535, g.r.IntN(65536))
	return pick(g, 80, 80, 53, 443, 22, 60, 90, 1234, other)
}

// transport makes the data of an IP packet of the protocol.
func (g frameGen) transport(proto byte, depth int) []byte {
	data := g.bytes(pick(g, 0, 0, 4, 12, g.r.IntN(100)))
	switch proto {
	case protoTCP:
		return append(g.tcp(), data...)
	case protoUDP:
		dst := g.port()
		if depth > 0 && g.oneIn(2) {
			dst, data = portGeneve, g.geneve(depth-1)
		}
		return append(be16(nil, g.port(), dst, 8+len(data), g.r.IntN(2)), data...)
	case protoICMP:
		typ := pick(g, 0, 0, 8, 8, 3, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
		return append(be32(be16(nil, typ<<8|pick(g, 0, 0, 1, 4), 0), g.r.IntN(3)), data...)
	case protoICMP6:
		typ := pick(g, 128, 129, 133, 134, 135, 136, g.r.IntN(4)+1, 130+g.r.IntN(24))
		return append(be32(be16(nil, typ<<8|pick(g, 0, 0, 1), 0), g.r.IntN(3)), data...)
	case protoIGMP:
		return append([]byte{pick[byte](g, 0x11, 0x12, 0x16, 0x17), 0, 0, 0}, g.addr4()...)
	case protoSCTP:
		b := be32(be16(nil, g.port(), g.port()), pick(g, 0, 77), 0)
		return append(append(b, pick[byte](g, 0, 1, 2, 3), 0, 0, 16), data...)
	case protoAH:
		next := pick[byte](g, protoTCP, protoUDP, protoICMP, protoESP, protoAH)
		return append(be32([]byte{next, 4, 0, 0}, 1, 2, 3, 4, 5), g.transport(next, depth)...)
	case protoESP:
		return append(be32(nil, pick(g, 1, 77), 2), data...)
	}
	return append([]byte{pick[byte](g, 0x20, 0x21, 0x31, 0x11), pick[byte](g, 0, 1), 0, 0}, data...)
}

func (g frameGen) tcp() []byte {
	const fin, syn, rst, push, ack, urg, ece, cwr = 1, 2, 4, 8, 16, 32, 64, 128
	words := pick(g, 0, 0, 1, 3, 5) // of options
	flags := pick[byte](g, syn, syn|ack, ack, push|ack, fin|ack, rst, rst|ack, 0, fin|push|urg, syn|ece|cwr, 0xff)
	b := be32(be16(nil, g.port(), g.port()), pick(g, 0, 1, 0x80000000), pick(g, 0, 1, 0xffffffff))
	b = be16(append(b, byte(5+words)<<4, flags), pick(g, 0, 512, 1024, 65535), g.r.IntN(65536), 0)
	for range words {
		b = append(b, 2, 4, 5, 0xb4)
	}
	return append(b, pick(g, "", "", "GET / HTTP/1.1\r\n", "POST /", "HTTP/1.1 200", "SSH-2.0", "\x16\x03\x01\x00\x05\x01")...)
}

// geneve makes a Geneve header and what it carries.
func (g frameGen) geneve(depth int) []byte {
	words := pick[byte](g, 0, 0, 1, 2, 6) // of options
	typ := typeTEB
	var data []byte
	if g.oneIn(2) {
		typ, data = g.body(depth)
	} else {
		data = g.ethernet(depth)
	}
	b := be16([]byte{pick[byte](g, 0, 0, 0, 0, 0, 0x40) | words, pick[byte](g, 0, 0x40, 0x80)}, typ)
	b = be32(b, pick(g, 0xb, 0xb, 0xb, 12, 0, 0xabcdef, 0xffffff)<<8)
	return append(append(b, g.bytes(4*int(words))...), data...)
}
