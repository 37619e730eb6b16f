package pcapng_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/capture/pcapng"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// TestForeignFile reads what others write: big-endian files, clocks of other units and with an
// offset, unknown blocks, old packet blocks, packets without a time. A second section in another
// byte order has interfaces that replace the first one's.
func TestForeignFile(t *testing.T) {
	const section, iface, old, simple, names, packet = 0x0A0D0D0A, 1, 2, 3, 4, 6
	b := bigEndian(nil, section, words(0x1A2B3C4D, 1<<16, 0xffffffff, 0xffffffff))
	b = bigEndian(b, iface, words(1<<16, 0)) // no options: microseconds
	b = bigEndian(b, iface, words(101<<16, 64, 9<<16|1, 0x8a<<24, 14<<16|8, 0, 100, 2<<16|3, 0x78797a00, 0))
	b = bigEndian(b, names, words(0))
	b = bigEndian(b, 0x80000001, []byte("of somebody's own..."))
	b = bigEndian(b, simple, words(4, 0x01020304))
	b = bigEndian(b, old, words(1<<16|7, 0, 1<<10, 2, 9, 0x0a0b0000, 2<<16|4, 1, 0))
	b = bigEndian(b, old, words(0xffff, 0, 1, 0, 9))
	b = bigEndian(b, packet, words(0, 1, 5, 3, 1000, 0x01020300))
	b = bigEndian(b, packet, words(1, 0, 3<<10|512, 4, 4, 0x05060708, 2<<16|4, 2, 0))
	b = append(b, file()...)
	want := append([]pcapng.Packet{
		{Length: 4, Data: []byte{1, 2, 3, 4}},
		{Interface: 1, Time: 101e9, Length: 9, Dropped: 7, Direction: pcapng.In, Data: []byte{10, 11}},
		{Time: 1000, Length: 9, Data: []byte{}},
		{Time: (1<<32 + 5) * 1000, Length: 1000, Data: []byte{1, 2, 3}},
		{Interface: 1, Time: 103.5e9, Length: 4, Direction: pcapng.Out, Data: []byte{5, 6, 7, 8}},
	}, packets...)
	wantNames := []string{"", "xyz", "", "", "xyz", "eth0", "tun0", "eth0"}
	var got []pcapng.Packet
	var gotNames []string
	for r := pcapng.NewReader(bytes.NewReader(b)); ; {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		got, gotNames = append(got, p), append(gotNames, r.Interface(&p).Name)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantNames, gotNames); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
}

// TestOldPacket asks for the interface of a packet whose section is over.
func TestOldPacket(t *testing.T) {
	b := append(file(), pcapng.AppendPacket(pcapng.AppendInterface(pcapng.AppendSection(nil, section), eth0), &packets[0])...)
	r := pcapng.NewReader(bytes.NewReader(b))
	var all []pcapng.Packet
	for {
		p, err := r.Next()
		if err != nil {
			break
		}
		all = append(all, p)
	}
	if diff := cmp.Diff(pcapng.Interface{}, r.Interface(&all[1])); diff != "" {
		t.Errorf("interface of an earlier section (-want +got):\n%s", diff)
	}
}

// TestBroken cuts the file at every length and turns every byte.
// The reader ends with an error or with packets.
func TestBroken(t *testing.T) {
	whole := file()
	for n := range whole {
		readAll(t, whole[:n])
		turned := bytes.Clone(whole)
		turned[n] ^= 0xff
		readAll(t, turned)
	}
	version2 := file()
	version2[12] = 2
	for name, data := range map[string]string{"text": "not a capture", "magic": "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00????", "zeros": strings.Repeat("\x00", 64),
		"version 2": string(version2), "length of 2 GiB": "\x0a\x0d\x0d\x0a\xfc\xff\xff\x7f\x4d\x3c\x2b\x1a", "length of 4": "\x0a\x0d\x0d\x0a\x04\x00\x00\x00\x4d\x3c\x2b\x1a",
	} {
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

// TestReadErrors: an error of the underlying reader is not taken for a broken file.
func TestReadErrors(t *testing.T) {
	broken := errors.New("no such luck")
	whole := file()
	for n := range whole {
		r := pcapng.NewReader(io.MultiReader(bytes.NewReader(whole[:n]), failing{broken}))
		var err error
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: error %v, want the reader's", n, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
