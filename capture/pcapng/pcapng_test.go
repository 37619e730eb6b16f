package pcapng_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture/linktype"
	"dlx/capture/pcapng"
	"dlx/internal/testutil"
)

var (
	section = &pcapng.Section{Hardware: "amd64", OS: "Linux", Application: "dlx test"}
	eth0    = &pcapng.Interface{LinkType: linktype.Ethernet, SnapLen: 96, Name: "eth0", Description: "web", MAC: []byte{2, 0, 0, 0, 0, 1}, Filter: "tcp", OS: "Linux"}
	tun0    = &pcapng.Interface{LinkType: linktype.Raw, Name: "tun0"}
	packets = []pcapng.Packet{
		{Time: 1700000000123456789, Length: 60, Direction: pcapng.In, Data: bytes.Repeat([]byte{1}, 60)},
		{Interface: 1, Time: 1700000000123456790, Length: 1500, Direction: pcapng.Out, Data: []byte{0x45, 2, 3}},
		{Time: 1700000001000000000, Length: 0, Data: []byte{}},
	}
)

func file() []byte {
	b := pcapng.AppendSection(nil, section)
	b = pcapng.AppendInterface(b, eth0)
	b = pcapng.AppendInterface(b, tun0)
	for i := range packets {
		b = pcapng.AppendPacket(b, &packets[i])
	}
	return pcapng.AppendStatistics(b, &pcapng.Statistics{Time: packets[2].Time, Start: packets[0].Time, End: packets[2].Time, Received: 4, Dropped: 1, Delivered: 3})
}

// update writes the golden file anew: go test ./capture/pcapng -update
var update = flag.Bool("update", false, "write testdata/golden.pcapng")

func TestGolden(t *testing.T) {
	const name = "testdata/golden.pcapng"
	if *update {
		if err := os.WriteFile(name, file(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hex.Dump(want), hex.Dump(file())); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestNoAllocation(t *testing.T) {
	buf := make([]byte, 0, 1<<12)
	stats := &pcapng.Statistics{Received: 1}
	allocs := testing.AllocsPerRun(100, func() {
		b := pcapng.AppendSection(buf, section)
		b = pcapng.AppendInterface(b, eth0)
		b = pcapng.AppendPacket(b, &packets[0])
		_ = pcapng.AppendStatistics(b, stats)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}

func TestReadBack(t *testing.T) {
	r := pcapng.NewReader(bytes.NewReader(file()))
	for i, want := range packets {
		got, err := r.Next()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("packet %d: error %v (-want +got):\n%s", i, err, diff)
		}
		if diff := cmp.Diff([]pcapng.Interface{*eth0, *tun0}[got.Interface], r.Interface(&got)); diff != "" {
			t.Errorf("packet %d: interface (-want +got):\n%s", i, diff)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestGopacketReads(t *testing.T) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(file()), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range packets {
		data, ci, err := r.ReadPacketData()
		if err != nil || !bytes.Equal(data, want.Data) || ci.Length != int(want.Length) || ci.Timestamp.UnixNano() != int64(want.Time) {
			t.Errorf("packet %d: % x, %+v, %v", i, data, ci, err)
		}
	}
	if _, _, err := r.ReadPacketData(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
	i, err := r.Interface(0)
	if err != nil {
		t.Fatal(err)
	}
	s := i.Statistics
	if s.PacketsReceived != 4 || s.PacketsDropped != 1 || s.StartTime.UnixNano() != int64(packets[0].Time) || s.EndTime.UnixNano() != int64(packets[2].Time) {
		t.Errorf("statistics %+v", s)
	}
}

func TestTsharkReads(t *testing.T) {
	tshark := testutil.RequireTool(t, "tshark")
	name := filepath.Join(t.TempDir(), "x.pcapng")
	if err := os.WriteFile(name, file(), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", name, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.interface_description",
		"-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len", "-e", "frame.packet_flags_direction").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "eth0\tweb\t1700000000.123456789\t60\t60\t0x00000001\ntun0\t\t1700000000.123456790\t1500\t3\t0x00000002\neth0\tweb\t1700000001.000000000\t0\t0\t\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func BenchmarkReader(b *testing.B) {
	b.ReportAllocs()
	whole := pcapng.AppendInterface(pcapng.AppendSection(nil, section), eth0)
	const n = 1000
	for range n {
		whole = pcapng.AppendPacket(whole, &packets[0])
	}
	b.SetBytes(int64(len(whole)))
	for b.Loop() {
		r := pcapng.NewReader(bytes.NewReader(whole))
		for range n {
			if _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkAppendPacket(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 1<<16)
	for b.Loop() {
		buf = pcapng.AppendPacket(buf[:0], &packets[0])
	}
}

func ExampleAppendPacket() {
	b := pcapng.AppendSection(nil, &pcapng.Section{OS: "Linux", Application: "example"})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet, SnapLen: 96, Name: "eth0"})
	b = pcapng.AppendPacket(b, &pcapng.Packet{Time: 1700000000123456789, Length: 60, Direction: pcapng.In, Data: make([]byte, 60)})
	fmt.Println(len(b), "bytes")
	// Output: 200 bytes
}

func ExampleReader() {
	r := pcapng.NewReader(bytes.NewReader(file()))
	p, err := r.Next()
	fmt.Println(r.Interface(&p).Name, p.Length, err)
	// Output: eth0 60 <nil>
}

// TestPlain: the short way makes the same block as the long one.
func TestPlain(t *testing.T) {
	buf := bytes.Repeat([]byte{0xff}, 256)[:0]
	for n := range 18 {
		p := pcapng.Packet{Interface: 3, Time: 1700000000123456789, Length: 77, Direction: pcapng.Out, ID: 1 << 40, Data: bytes.Repeat([]byte{7}, n/2)}
		p.Process = uint32(n % 2 * 4711)
		want := pcapng.AppendPacket(nil, &p)
		got := pcapng.AppendPlain(buf, p.Interface, p.Time, p.Length, p.Direction, p.ID, p.Process, p.Data)
		if diff := cmp.Diff(hex.Dump(want), hex.Dump(got)); diff != "" {
			t.Errorf("%d bytes, process %d (-want +got):\n%s", n/2, p.Process, diff)
		}
	}
}
