package replay_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture/filter"
	"dlx/capture/linktype"
	"dlx/capture/pcapng"
	"dlx/capture/replay"
)

var when = time.Unix(1767323045, 678901234)

// datagrams are an IPv4 UDP packet to port 53 and one to port 54, without a link-layer header.
var datagrams = [][]byte{datagram(53), datagram(54)}

func datagram(port uint16) []byte {
	b := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 0, 0, 8, 0, 0}
	binary.BigEndian.PutUint16(b[22:], port)
	return b
}

// pcap is a file with the datagrams, as raw IP.
func pcap(t testing.TB, nanoseconds bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if nanoseconds {
		w = pcapgo.NewWriterNanos(&b)
	}
	if err := w.WriteFileHeader(65535, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	for _, d := range datagrams {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: when, CaptureLength: len(d), Length: 2000}, d); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// swapped is a pcap file of the other byte order: its header, and one packet.
func swapped() []byte {
	be := binary.BigEndian
	b := be.AppendUint32(nil, 0xa1b2c3d4)
	b = be.AppendUint16(be.AppendUint16(b, 2), 4)
	for _, v := range []uint32{0, 0, 65535, 101, uint32(when.Unix()), 678901, uint32(len(datagrams[0])), 2000} {
		b = be.AppendUint32(b, v)
	}
	return append(b, datagrams[0]...)
}

// own is a file as dlx writes it: two interfaces, a name, a packet of each and its figures.
func own() []byte {
	b := pcapng.AppendSection(nil, &pcapng.Section{Application: "dlx test"})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Raw, Name: "tun0"})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet, Name: "eth0"})
	b = pcapng.AppendPacket(b, &pcapng.Packet{Time: uint64(when.UnixNano()), Length: 28, ID: 1, Process: 7, Comment: "x (PID 7)", Data: datagrams[0]})
	b = pcapng.AppendPacket(b, &pcapng.Packet{Interface: 1, Time: uint64(when.UnixNano()), Length: 60, ID: 2, Data: make([]byte, 60)})
	return pcapng.AppendStatistics(b, &pcapng.Statistics{Delivered: 1})
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// read returns what a file's packets and their interfaces are.
func read(t *testing.T, b []byte) (list []string, err error) {
	t.Helper()
	r, err := replay.Open(bytes.NewReader(b))
	for err == nil {
		var p pcapng.Packet
		if p, err = r.Next(); err == nil {
			i := r.Interface(&p)
			list = append(list, fmt.Sprintf("%d %s %d of %d at %d", i.LinkType, i.Name, len(p.Data), p.Length, p.Time))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return list, err
}

func TestOpen(t *testing.T) {
	micro, nano := when.UnixNano()/1000*1000, when.UnixNano()
	line := func(at int64) string { return fmt.Sprintf("101  28 of 2000 at %d", at) }
	tests := map[string]struct {
		file []byte
		want []string
	}{
		"microseconds":     {pcap(t, false), []string{line(micro), line(micro)}},
		"nanoseconds":      {pcap(t, true), []string{line(nano), line(nano)}},
		"other byte order": {swapped(), []string{line(micro)}},
		"compressed":       {compress(pcap(t, true)), []string{line(nano), line(nano)}},
		"pcapng":           {own(), []string{fmt.Sprintf("101 tun0 28 of 28 at %d", nano), fmt.Sprintf("1 eth0 60 of 60 at %d", nano)}},
		"no packets":       {pcap(t, false)[:24], nil},
	}
	for name, tt := range tests {
		got, err := read(t, tt.file)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	var format *pcapng.FormatError
	huge := pcap(t, false)
	binary.LittleEndian.PutUint32(huge[32:], 1<<30)
	tests := map[string]struct {
		file []byte
		want func(error) bool
	}{
		"empty":               {nil, func(err error) bool { return errors.Is(err, replay.ErrEmpty) }},
		"two bytes":           {[]byte{0xd4, 0xc3}, func(err error) bool { return errors.Is(err, replay.ErrUnknown) }},
		"text":                {[]byte("root:x:0:0"), func(err error) bool { return errors.Is(err, replay.ErrUnknown) }},
		"compressed text":     {compress([]byte("root:x:0:0")), func(err error) bool { return errors.Is(err, replay.ErrUnknown) }},
		"cut header":          {pcap(t, false)[:20], func(err error) bool { return errors.As(err, &format) }},
		"cut packet":          {pcap(t, false)[:50], func(err error) bool { return errors.As(err, &format) }},
		"cut record":          {pcap(t, false)[:30], func(err error) bool { return errors.As(err, &format) }},
		"huge packet":         {huge, func(err error) bool { return errors.As(err, &format) }},
		"cut compressed file": {compress(pcap(t, true))[:40], func(err error) bool { return err != nil }},
	}
	for name, tt := range tests {
		if _, err := read(t, tt.file); !tt.want(err) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestCopy copies a file with a filter, once as it stands and once from another form.
func TestCopy(t *testing.T) {
	f, err := replay.NewFilter("udp port 53", filter.NoNames{})
	if err != nil {
		t.Fatal(err)
	}
	keep := func(p *pcapng.Packet, i pcapng.Interface) bool { return f.Match(p, i.LinkType) }
	for name, file := range map[string][]byte{"own": own(), "pcap": pcap(t, false), "other byte order": swapped()} {
		r, err := replay.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if n, err := replay.Copy(&out, r, keep, 0); n != 1 || err != nil {
			t.Errorf("%s: %d packets, %v", name, n, err)
		}
		got, err := read(t, out.Bytes())
		if len(got) != 1 || err != nil {
			t.Errorf("%s: copied %q, %v", name, got, err)
		}
	}
	r, _ := replay.Open(bytes.NewReader(own()))
	var out bytes.Buffer
	if _, err := replay.Copy(&out, r, func(*pcapng.Packet, pcapng.Interface) bool { return true }, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), own()) {
		t.Error("a copy of everything differs from the file")
	}
}

// TestFilterLinkTypes leaves packets out that an expression makes no sense for.
func TestFilterLinkTypes(t *testing.T) {
	ethernet, raw := pcapng.Packet{Data: make([]byte, 60), Length: 60}, pcapng.Packet{Data: datagrams[0], Length: 28}
	f, err := replay.NewFilter("ether src 00:00:00:00:00:00", filter.NoNames{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Match(&raw, linktype.Raw) {
		t.Error("a packet without an Ethernet address matches")
	}
	if _, err := f.Err(); err == nil {
		t.Error("no error although nothing could match")
	}
	if !f.Match(&ethernet, linktype.Ethernet) {
		t.Error("the frame does not match")
	}
	if notes, err := f.Err(); len(notes) != 1 || err != nil {
		t.Errorf("notes %q, %v", notes, err)
	}
	var bad *filter.Error
	if _, err := replay.NewFilter("foo bar", filter.NoNames{}); !errors.As(err, &bad) {
		t.Errorf("error %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(own())
	f.Add(pcap(f, true))
	f.Add(swapped())
	f.Add(compress(pcap(f, false)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := replay.Open(bytes.NewReader(b))
		if err != nil {
			return
		}
		match, err := replay.NewFilter("udp port 53 or ether[0] = 0", filter.NoNames{})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		keep := func(p *pcapng.Packet, i pcapng.Interface) bool { return match.Match(p, i.LinkType) || true }
		n, err := replay.Copy(&out, r, keep, 1000)
		if err != nil {
			return
		}
		again, err := replay.Open(&out)
		if errors.Is(err, replay.ErrEmpty) && n == 0 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for m := uint64(0); ; m++ {
			if _, err := again.Next(); errors.Is(err, io.EOF) {
				if m != n {
					t.Fatalf("the copy has %d packets of %d", m, n)
				}
				return
			} else if err != nil {
				t.Fatalf("the copy: %v", err)
			}
		}
	})
}

func ExampleOpen() {
	r, err := replay.Open(bytes.NewReader(own()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		p, err := r.Next()
		if err != nil {
			break
		}
		fmt.Println(r.Interface(&p).Name, p.Length)
	}
	// Output:
	// tun0 28
	// eth0 60
}
