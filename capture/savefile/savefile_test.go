package savefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture/linktype"
	"dlx/capture/pcapng"
	"dlx/fault"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// stream is a capture of n packets of 100 bytes on eth0 and lo, one a second, with figures after
// every tenth, before which 2 packets were lost. Every third packet goes out, every fourth has a
// comment.
func stream(n int) []byte {
	b := pcapng.AppendSection(nil, &pcapng.Section{OS: "Linux"})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet, Name: "eth0"})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet, Name: "lo"})
	for i := range n {
		at := uint64(start.Add(time.Duration(i) * time.Second).UnixNano())
		data := bytes.Repeat([]byte{byte(i)}, 100)
		p := pcapng.Packet{Interface: uint32(i % 2), Time: at, Length: 100, Direction: directionOf(i), ID: uint64(i + 1), Data: data}
		if i%4 == 3 {
			p.Comment, p.Process = "web/7", 4711
		}
		if i%10 == 9 {
			p.Dropped = 2
		}
		b = pcapng.AppendPacket(b, &p)
		if i%10 == 9 {
			lost := uint64(i/10+1) * 2
			b = pcapng.AppendStatistics(b, &pcapng.Statistics{Interface: uint32(i % 2), Time: at, Delivered: uint64(i), Dropped: lost})
		}
	}
	return b
}

func directionOf(i int) pcapng.Direction {
	if i%3 == 2 {
		return pcapng.Out
	}
	return pcapng.In
}

// lost is how many packets the last figures of a file's interfaces say are lost.
func lost(t *testing.T, name string) (total uint64) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	last := map[uint32]uint64{}
	for len(b) > 0 {
		block, err := pcapng.First(b)
		if err != nil || block == nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s, err := block.Statistics(); err == nil {
			last[s.Interface] = s.Dropped
		}
		b = b[len(block):]
	}
	for _, n := range last {
		total += n
	}
	return total
}

// read returns the first bytes of a file's packets with their interface's names.
func read(t *testing.T, name string) (list []string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r := pcapng.NewReader(bytes.NewReader(b))
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, fmt.Sprintf("%d %s", p.Data[0], r.Interface(&p).Name))
	}
}

// opened is a writer to files in a folder of their own.
func opened(t *testing.T, o Options) (w *Writer, dir string) {
	t.Helper()
	dir = t.TempDir()
	o.Name = filepath.Join(dir, o.Name)
	w, err := open(o, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	return w, dir
}

// write writes the stream in pieces of the given size, and returns the names of the files.
func write(t *testing.T, o Options, b []byte, piece int) (names []string, err error) {
	t.Helper()
	w, dir := opened(t, o)
	for part := range slices.Chunk(b, piece) {
		if _, err = w.Write(part); err != nil {
			break
		}
	}
	if cerr := w.Close(); cerr != nil {
		t.Error(cerr)
	}
	entries, derr := os.ReadDir(dir)
	if derr != nil {
		t.Fatal(derr)
	}
	for _, e := range entries {
		names = append(names, filepath.Join(dir, e.Name()))
	}
	return names, err
}

func TestOneFile(t *testing.T) {
	b := stream(30)
	for _, piece := range []int{1, 7, 100, len(b)} {
		names, err := write(t, Options{Name: "x"}, b, piece)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(names[0])
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("in pieces of %d bytes: %v, %d bytes, want the stream's %d", piece, err, len(got), len(b))
		}
	}
}

func TestBySize(t *testing.T) {
	for _, piece := range []int{1, 999, 1 << 20} {
		names, err := write(t, Options{Name: "x", MaxBytes: 2000}, stream(60), piece)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		var losses []uint64
		for i := range names {
			name := filepath.Join(filepath.Dir(names[0]), "x")
			if i > 0 {
				name += fmt.Sprint(i)
			}
			list := read(t, name)
			info, err := os.Stat(name)
			if err != nil || len(list) == 0 || info.Size() > 2000+150+300 || info.Mode() != 0o600 {
				t.Errorf("%s: %d packets, %v, %v", name, len(list), info, err)
			}
			all = append(all, list...)
			losses = append(losses, lost(t, name))
		}
		var want []string
		for i := range 60 {
			want = append(want, fmt.Sprintf("%d %s", i, []string{"eth0", "lo"}[i%2]))
		}
		if diff := cmp.Diff(want, all); diff != "" || len(names) < 4 {
			t.Errorf("%d files, packets (-want +got):\n%s", len(names), diff)
		}
		if !slices.IsSorted(losses) || losses[len(losses)/2] == 0 || losses[len(losses)-1] != 12 {
			t.Errorf("the files say that %d packets are lost, want 12 in the last one", losses)
		}
	}
}

func TestRing(t *testing.T) {
	names, err := write(t, Options{Name: "x", MaxBytes: 1000, Files: 10}, stream(200), 500)
	if err != nil {
		t.Fatal(err)
	}
	var bases []string
	last := 0
	for _, n := range names {
		bases = append(bases, filepath.Base(n))
		for _, p := range read(t, n) {
			var i int
			_, _ = fmt.Sscan(p, &i)
			last = max(last, i)
		}
	}
	if diff := cmp.Diff([]string{"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9"}, bases); diff != "" || last != 199 {
		t.Errorf("last packet %d, files (-want +got):\n%s", last, diff)
	}
}

func TestByTime(t *testing.T) {
	names, err := write(t, Options{Name: "x-%H%M%S", Every: 20 * time.Second}, stream(50), 500)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, n := range names {
		got[filepath.Base(n)] = len(read(t, n))
	}
	if diff := cmp.Diff(map[string]int{"x-030405": 20, "x-030425": 20, "x-030445": 10}, got); diff != "" {
		t.Errorf("packets by file (-want +got):\n%s", diff)
	}
	names, err = write(t, Options{Name: "x-%H%M%S", Every: 20 * time.Second, Files: 2}, stream(50), 500)
	if !errors.Is(err, ErrFull) || len(names) != 2 {
		t.Errorf("%d files, error %v; want 2 and ErrFull", len(names), err)
	}
}

func TestPcap(t *testing.T) {
	for format, link := range map[Format]int{Pcap: 1, PcapCooked: linktype.LinuxSLL2} {
		names, err := write(t, Options{Name: "x", Format: format, MaxBytes: 3000}, stream(60), 333)
		if err != nil || len(names) < 2 {
			t.Fatal(names, err)
		}
		n := 0
		for i := range names {
			name := filepath.Join(filepath.Dir(names[0]), "x")
			if i > 0 {
				name += fmt.Sprint(i)
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := pcapgo.NewReader(bytes.NewReader(b))
			if err != nil || int(r.LinkType()) != link&0xff && int(r.LinkType()) != link {
				t.Fatalf("%s: %v, link type %v, want %d", name, err, r.LinkType(), link)
			}
			for {
				data, ci, err := r.ReadPacketData()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				want := 100
				if format == PcapCooked {
					want = 100 - macHeader + linktype.SLL2Size
					if out := data[linktype.SLL2PacketType] == linktype.Outgoing; out != (directionOf(n) == pcapng.Out) {
						t.Errorf("%s: packet %d: outgoing %v", name, n, out)
					}
				}
				if len(data) != want || ci.Length != want || data[len(data)-1] != byte(n) || !ci.Timestamp.Equal(start.Add(time.Duration(n)*time.Second)) {
					t.Errorf("%s: packet %d: %d bytes, %+v", name, n, len(data), ci)
				}
				n++
			}
		}
		if n != 60 {
			t.Errorf("%s: %d packets, want 60", format, n)
		}
	}
	mixed := pcapng.AppendSection(nil, &pcapng.Section{})
	mixed = pcapng.AppendInterface(mixed, &pcapng.Interface{LinkType: linktype.Ethernet})
	mixed = pcapng.AppendInterface(mixed, &pcapng.Interface{LinkType: linktype.Raw})
	if _, err := write(t, Options{Name: "x", Format: Pcap}, mixed, 1000); !errors.Is(err, fault.OneLinkType) {
		t.Errorf("error %v, want fault.OneLinkType", err)
	}
}

// TestElsewhere: another writer gets what a file would. If its reader goes away, that is the error.
func TestElsewhere(t *testing.T) {
	for _, format := range []Format{Pcapng, Pcap, PcapCooked} {
		names, err := write(t, Options{Name: "x", Format: format}, stream(30), 1000)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		w, err := Open(Options{To: &got, Format: format})
		if err != nil {
			t.Fatal(err)
		}
		for part := range slices.Chunk(stream(30), 333) {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
			if b := got.Bytes(); format == Pcapng && pcapng.Whole(b) != len(b) || format != Pcapng && wholeRecords(b, len(b) > 0) != len(b) {
				t.Fatalf("%s: a reader waits for the end of what it has", format)
			}
		}
		if err := w.Close(); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: %v, %d bytes, a file has %d", format, err, got.Len(), len(want))
		}
	}
	r, to := io.Pipe()
	_ = r.Close()
	w, err := Open(Options{To: to, Format: Pcap})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(stream(3))
	if err := errors.Join(err, w.Close()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want ErrClosedPipe", err)
	}
}

func TestCheck(t *testing.T) {
	for _, o := range []Options{
		{Name: "x", Files: 2}, {Name: "x", Every: time.Minute}, {Name: "x%S", Every: time.Millisecond}, {Name: "x", MaxBytes: -1},
		{To: io.Discard, MaxBytes: 1000}, {To: io.Discard, Every: time.Minute},
	} {
		if _, err := Open(o); err == nil {
			t.Errorf("%+v is no error", o)
		}
	}
	if _, err := Open(Options{Name: "/nowhere/x"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
}

func TestFigures(t *testing.T) {
	w, err := Open(Options{Name: filepath.Join(t.TempDir(), "x")})
	if err != nil {
		t.Fatal(err)
	}
	b := stream(30)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Figures{Packets: 30, Bytes: uint64(len(b)), Dropped: 6, Files: 1}, w.Figures()); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestBlocks: packets whose number is said make the same files and figures as those that are
// counted.
func TestBlocks(t *testing.T) {
	head := len(stream(0))
	b := stream(9) // without figures among the packets
	first, err := pcapng.First(b[head:])
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"one file": {Name: "x"}, "by size": {Name: "x", MaxBytes: 1000, Files: 3}, "by time": {Name: "x%s", Every: 2 * time.Second}, "pcap": {Name: "x", Format: Pcap},
	} {
		t.Run(name, func(t *testing.T) {
			want, wanted := writePackets(t, o, b[:head], b[head:], (*Writer).Write)
			for _, torn := range []int{0, len(first)} {
				got, figures := writePackets(t, o, b[:head+torn], b[head+torn:], func(w *Writer, p []byte) (int, error) {
					return len(p), w.Blocks(p, map[int]uint64{0: 9, len(first): 8}[torn], 0)
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("files (-counted +said), %d bytes before:\n%s", torn, diff)
				}
				if diff := cmp.Diff(wanted, figures); diff != "" {
					t.Errorf("figures (-counted +said), %d bytes before:\n%s", torn, diff)
				}
			}
		})
	}
}

// writePackets writes a stream's first part, then the rest by a function. It returns the files.
func writePackets(t *testing.T, o Options, first, rest []byte, write func(*Writer, []byte) (int, error)) (map[string][]byte, Figures) {
	t.Helper()
	w, dir := opened(t, o)
	_, err := w.Write(first)
	if err == nil {
		_, err = write(w, rest)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files, w.Figures()
}

// FuzzWrite: whatever the stream, nothing panics, and what is in the file is whole blocks.
func FuzzWrite(f *testing.F) {
	f.Add(stream(12), 100, true)
	f.Add(stream(3), 1, false)
	f.Fuzz(func(t *testing.T, b []byte, piece int, pcap bool) {
		if piece < 1 || len(b) > 1<<16 {
			return
		}
		dir, err := os.MkdirTemp("/dev/shm", "dlx-test-") //nolint:usetesting // on a disk, each file waits for it
		if err != nil {
			dir = t.TempDir()
		}
		defer os.RemoveAll(dir)
		o := Options{Name: filepath.Join(dir, "x"), MaxBytes: 1000, Files: 3}
		if pcap {
			o.Format = PcapCooked
		}
		w, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		for part := range slices.Chunk(b, piece) {
			if _, err = w.Write(part); err != nil {
				break
			}
		}
		_ = w.Close()
		for i := range 3 {
			got, err := os.ReadFile(fmt.Sprintf("%s%d", o.Name, i))
			if err == nil && !pcap && pcapng.Whole(got) != len(got) {
				t.Errorf("file %d ends inside a block", i)
			}
			if err == nil && pcap && wholeRecords(got, len(got) > 0) != len(got) {
				t.Errorf("file %d ends inside a record", i)
			}
		}
	})
}

// TestLost: what was lost is counted once, whether the figures in the stream tell of it or who
// hands the blocks over.
func TestLost(t *testing.T) {
	b := pcapng.AppendSection(nil, &pcapng.Section{})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet})
	for _, s := range []pcapng.Statistics{{Dropped: 2}, {Interface: 1, Dropped: 3}, {Dropped: 4}, {Dropped: 4}, {Interface: 9, Dropped: 100}} {
		b = pcapng.AppendStatistics(b, &s)
	}
	b = pcapng.AppendSection(b, &pcapng.Section{})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet})
	b = pcapng.AppendStatistics(b, &pcapng.Statistics{Dropped: 1})
	for _, o := range []Options{{Name: "x"}, {Name: "x", MaxBytes: 1000}} {
		_, figures := writePackets(t, o, b, nil, (*Writer).Write)
		if figures.Dropped != 4+3+1 {
			t.Errorf("%+v: the stream tells of %d lost packets, want 8", o, figures.Dropped)
		}
		_, figures = writePackets(t, o, nil, b, func(w *Writer, p []byte) (int, error) { return len(p), w.Blocks(p, 0, 5) })
		if figures.Dropped != 5 {
			t.Errorf("%+v: %d lost packets, want the 5 that were told of", o, figures.Dropped)
		}
	}
}
