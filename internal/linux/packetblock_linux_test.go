package linux_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dlx/internal/linux"
)

// oneBlock is a block with two packets as the kernel lays them out (linux/if_packet.h). One is
// outgoing and has 3 bytes of 1000. From the other a VLAN tag was taken.
func oneBlock() []byte {
	ne := binary.NativeEndian
	b := make([]byte, 48+2*96)
	ne.PutUint32(b[12:], 2)
	ne.PutUint32(b[16:], 48)
	first, second := b[48:144], b[144:]
	for i, v := range []uint32{96, 7, 8, 3, 1000, 0, 82} {
		ne.PutUint32(first[4*i:], v)
	}
	ne.PutUint16(first[26:], 96)   // tp_net
	copy(first[50:], []byte{8, 0}) // sll_protocol
	ne.PutUint32(first[52:], 5)    // sll_ifindex
	ne.PutUint16(first[56:], 1)    // sll_hatype
	copy(first[58:], []byte{4 /* PACKET_OUTGOING */, 6, 2, 0, 0, 0, 0, 1})
	copy(first[82:], "abc")
	const vlanValid, vlanTPID = 1 << 4, 1 << 6
	for i, v := range []uint32{0, 7, 9, 4, 4, vlanValid | vlanTPID, 82, 0, 100, 0x88a8} {
		ne.PutUint32(second[4*i:], v)
	}
	copy(second[82:], "defg")
	return b
}

func TestBlock(t *testing.T) {
	b := linux.NewBlock(oneBlock())
	var got []linux.Frame
	for f := (linux.Frame{}); b.Next(&f); {
		got = append(got, f)
	}
	want := []linux.Frame{
		{Time: 7_000_000_008, Length: 1000, Interface: 5, Data: []byte("abc"), Outgoing: true},
		{Time: 7_000_000_009, Length: 4, Data: []byte("defg"), VLAN: true},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(linux.Frame{})); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
	if tpid, tci := got[1].Tag(); tpid != 0x88a8 || tci != 100 {
		t.Errorf("tag %#x %d", tpid, tci)
	}
	if n := got[0].Network(); n != 14 {
		t.Errorf("the network header begins at %d, want 14", n)
	}
	cooked := []byte{8, 0, 0, 0, 0, 0, 0, 5, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0}
	if diff := cmp.Diff(cooked, got[0].AppendCooked(nil)); diff != "" {
		t.Errorf("cooked header (-want +got):\n%s", diff)
	}
}

// FuzzBlock: whatever a block holds, reading it ends, and stays inside.
func FuzzBlock(f *testing.F) {
	f.Add(oneBlock())
	f.Add(bytes.Repeat([]byte{0xff}, 200))
	f.Fuzz(func(t *testing.T, mem []byte) {
		b, total := linux.NewBlock(mem), 0
		for frame := (linux.Frame{}); b.Next(&frame); total++ {
			if len(frame.Data) > len(mem) {
				t.Fatalf("%d bytes of a block of %d", len(frame.Data), len(mem))
			}
		}
		if total > len(mem)/68+1 {
			t.Fatalf("%d packets in %d bytes", total, len(mem))
		}
	})
}
