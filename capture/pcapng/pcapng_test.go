package pcapng_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture/pcapng"
	"dlx/internal/testutil"
)

var (
	section = &pcapng.Section{Hardware: "amd64", OS: "Linux", Application: "dlx test"}
	eth0    = &pcapng.Interface{LinkType: 1, SnapLen: 96, Name: "eth0", Description: "web", MAC: []byte{2, 0, 0, 0, 0, 1}, Filter: "tcp", OS: "Linux"}
	tun0    = &pcapng.Interface{LinkType: 101, Name: "tun0"}
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
	return pcapng.AppendStatistics(b, &pcapng.Statistics{Time: packets[2].Time, Start: packets[0].Time, End: packets[2].Time, Received: 3, Dropped: 1})
}

func TestReadBack(t *testing.T) {
	r := pcapng.NewReader(bytes.NewReader(file()))
	for i, want := range packets {
		got, err := r.Next()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("packet %d: error %v (-want +got):\n%s", i, err, diff)
		}
		if name := r.Interface(&got).Name; name != []string{"eth0", "tun0"}[got.Interface] {
			t.Errorf("packet %d: interface %q", i, name)
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

// TestBroken cuts the file at every length and turns every byte: the reader ends with an error or with packets.
func TestBroken(t *testing.T) {
	whole := file()
	for n := range whole {
		readAll(t, whole[:n])
		turned := bytes.Clone(whole)
		turned[n] ^= 0xff
		readAll(t, turned)
	}
	for name, data := range map[string]string{"text": "not a capture", "magic": "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00????", "zeros": strings.Repeat("\x00", 64)} {
		var broken *pcapng.FormatError
		if _, err := pcapng.NewReader(strings.NewReader(data)).Next(); !errors.As(err, &broken) {
			t.Errorf("%s: error %v, want *FormatError", name, err)
		}
	}
}

func readAll(t *testing.T, data []byte) {
	t.Helper()
	r := pcapng.NewReader(bytes.NewReader(data))
	for range len(data) + 1 {
		p, err := r.Next()
		if err != nil {
			return
		}
		_ = r.Interface(&p)
	}
	t.Fatal("more packets than bytes")
}

func FuzzReader(f *testing.F) {
	f.Add(file())
	f.Fuzz(readAll)
}

func BenchmarkAppendPacket(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 1<<16)
	for b.Loop() {
		buf = pcapng.AppendPacket(buf[:0], &packets[0])
	}
}

func ExampleReader() {
	r := pcapng.NewReader(bytes.NewReader(file()))
	p, err := r.Next()
	fmt.Println(r.Interface(&p).Name, p.Length, err)
	// Output: eth0 60 <nil>
}
