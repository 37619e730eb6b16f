package pcapng_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/capture/linktype"
	"dlx/capture/pcapng"
)

// rawFile has a block of each kind, and packets with and without options.
func rawFile() []byte {
	b := pcapng.AppendSection(nil, section)
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.LinuxSLL2, Name: "eth0"})
	b = pcapng.AppendPacket(b, &pcapng.Packet{Time: 1 << 40, Length: 3, Data: []byte{1, 2, 3}})
	b = pcapng.AppendPacket(b, &pcapng.Packet{Time: 1<<40 + 1, Length: 9, Data: []byte{1}, Direction: pcapng.Out})
	b = pcapng.AppendPacket(b, &pcapng.Packet{Time: 1<<40 + 2, Direction: pcapng.Out, Dropped: 2, ID: 4, Process: 9, Comment: "of web"})
	return pcapng.AppendStatistics(b, statistics)
}

var statistics = &pcapng.Statistics{Time: 7, Start: 1 << 33, End: 7, Received: 12, Dropped: 2, Delivered: 10}

// sameAsReader checks that blocks where they lie say what a Reader says of them, up to the first
// that one of the two can not read. It returns how many there were.
func sameAsReader(t *testing.T, b []byte) (blocks int) {
	t.Helper()
	r := pcapng.NewReader(bytes.NewReader(b))
	for {
		raw, err := pcapng.First(b)
		if raw == nil || err != nil {
			return blocks
		}
		want, rerr := r.NextBlock()
		if rerr != nil || !r.Plain(&want) {
			return blocks
		}
		if raw.Kind() != want.Kind || !bytes.Equal(raw, want.Bytes) {
			t.Fatalf("block of type %d, %x; the reader has %d, %x", raw.Kind(), []byte(raw), want.Kind, want.Bytes)
		}
		p, err := raw.Packet()
		if isPacket := want.IsPacket && want.Kind == pcapng.PacketBlock; (err == nil) != isPacket {
			t.Fatalf("error %v of a block of type %d", err, want.Kind)
		} else if isPacket {
			got := pcapng.Packet{Interface: p.Interface, Time: p.Time, Length: p.Length, Data: p.Data, Direction: p.Direction()}
			want.Packet.Dropped, want.Packet.ID, want.Packet.Process, want.Packet.Comment = 0, 0, 0, ""
			if diff := cmp.Diff(want.Packet, got); diff != "" {
				t.Fatalf("packet (-reader +raw):\n%s", diff)
			}
		}
		link, err := raw.LinkType()
		if (err == nil) != (want.Kind == pcapng.InterfaceBlock) || err == nil && link != r.LastInterface().LinkType {
			t.Fatalf("link type %d, %v; the reader has %d", link, err, r.LastInterface().LinkType)
		}
		_, _ = raw.Statistics()
		b = b[len(raw):]
		blocks++
	}
}

func TestRaw(t *testing.T) {
	b := rawFile()
	if n := sameAsReader(t, b); n != 6 {
		t.Errorf("%d blocks, want 6", n)
	}
	last := 0
	for n := pcapng.Whole(b); last < n; {
		raw, err := pcapng.First(b[last:])
		if err != nil {
			t.Fatal(err)
		}
		if raw.Kind() == pcapng.StatisticsBlock {
			got, err := raw.Statistics()
			if diff := cmp.Diff(*statistics, got); diff != "" || err != nil {
				t.Errorf("statistics, %v (-want +got):\n%s", err, diff)
			}
		}
		last += len(raw)
	}
	for n := range b {
		if whole := pcapng.Whole(b[:n]); whole > n || n-whole > 200 {
			t.Fatalf("%d of %d bytes are whole blocks", whole, n)
		}
	}
	allocs := testing.AllocsPerRun(10, func() {
		for at := 0; at < len(b); {
			raw, _ := pcapng.First(b[at:])
			p, _ := raw.Packet()
			_ = p.Direction()
			at += len(raw)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestRawErrors(t *testing.T) {
	b := rawFile()
	for name, change := range map[string]func(b []byte){
		"no multiple of four": func(b []byte) { b[4] |= 1 },
		"too small":           func(b []byte) { copy(b[4:], []byte{8, 0, 0, 0}) },
		"too large":           func(b []byte) { copy(b[4:], []byte{0, 0, 0, 0x10}) },
		"two lengths":         func(b []byte) { b[b[4]-4]++ },
	} {
		bad := bytes.Clone(b)
		change(bad)
		var format *pcapng.FormatError
		if raw, err := pcapng.First(bad); raw != nil || !errors.As(err, &format) {
			t.Errorf("%s: %x, %v, want *FormatError", name, []byte(raw), err)
		}
	}
}

// FuzzRaw: whatever the bytes, blocks where they lie are what a Reader has.
func FuzzRaw(f *testing.F) {
	f.Add(rawFile())
	f.Fuzz(func(t *testing.T, b []byte) { sameAsReader(t, b) })
}

// TestCommented: a section header gets one more comment, and keeps all that it had.
func TestCommented(t *testing.T) {
	const said = "nothing was captured for 3s"
	for name, s := range map[string]*pcapng.Section{"bare": {}, "with options": section} {
		b := pcapng.AppendSection(nil, s)
		block, err := pcapng.First(b)
		if err != nil {
			t.Fatal(err)
		}
		out := block.AppendCommented([]byte("before"), said)[len("before"):]
		again, err := pcapng.First(out)
		if err != nil || len(again) != len(out) {
			t.Fatalf("%s: no whole block: %v", name, err)
		}
		if !bytes.Contains(out, []byte(said)) {
			t.Errorf("%s: %q has no comment", name, out)
		}
		for _, kept := range []string{s.Application, s.Hardware, s.OS, s.Comment} {
			if !bytes.Contains(out, []byte(kept)) {
				t.Errorf("%s: %q is lost", name, kept)
			}
		}
	}
	packet := pcapng.AppendPacket(nil, &pcapng.Packet{Data: []byte{1}, Dropped: 7})
	block, _ := pcapng.First(packet)
	if out := block.AppendCommented(nil, said); !bytes.Equal(out, packet) {
		t.Errorf("a packet has become %q", out)
	}
	if p, err := block.Packet(); err != nil || p.Dropped() != 7 {
		t.Errorf("%d dropped, %v; want 7", p.Dropped(), err)
	}
}
