package savefile

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture/linktype"
	"dlx/capture/pcapng"
)

// TestDirections: what a packet's options say of its direction is in the cooked header, whatever
// other options there are.
func TestDirections(t *testing.T) {
	frame := bytes.Repeat([]byte{2}, 60)
	binary.BigEndian.PutUint16(frame[12:], 0x800)
	b := pcapng.AppendSection(nil, &pcapng.Section{})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet})
	const host, outgoing = 0, 4
	var want []byte
	for _, p := range []pcapng.Packet{
		{Direction: pcapng.Out}, {Direction: pcapng.In}, {}, {Direction: pcapng.Out, Comment: "web/7"}, {Direction: pcapng.In, Comment: "web/7"},
		{Direction: pcapng.Out, Comment: "web/7", Dropped: 3, ID: 9, Process: 7}, {Comment: "web/7", ID: 9},
	} {
		p.Data, p.Length = frame, uint32(len(frame))
		b = pcapng.AppendPacket(b, &p)
		kind := byte(host)
		if p.Direction == pcapng.Out {
			kind = outgoing
		}
		want = append(want, kind)
	}
	var out bytes.Buffer
	w, err := Open(Options{To: &out, Format: PcapCooked})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Blocks(b, uint64(len(want)), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for range want {
		data, _, err := r.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, data[linktype.SLL2PacketType])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packet types (-want +got):\n%s", diff)
	}
}
