package pcapng_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/capture/pcapng"
)

// readNames reads a file to its end and returns the reader.
func readNames(t *testing.T, b []byte) *pcapng.Reader {
	t.Helper()
	r := pcapng.NewReader(bytes.NewReader(b))
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("error %v, want io.EOF", err)
	}
	return r
}

func TestNames(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")
	long := strings.Repeat("x", 300)
	list := []pcapng.Name{
		{Address: v4, Names: []string{"web", "web.shop"}},
		{Address: v6, Names: []string{"", "db\x00cut", long}},
		{Address: netip.MustParseAddr("10.0.0.2")},
		{Names: []string{"of nothing"}},
		{Address: netip.AddrFrom16(v4.As16()), Names: []string{"mapped"}},
	}
	r := readNames(t, pcapng.AppendNames(pcapng.AppendSection(nil, section), list))
	for a, want := range map[netip.Addr][]string{v4: {"web", "web.shop", "mapped"}, v6: {"db", long[:255]}, list[2].Address: nil} {
		if diff := cmp.Diff(want, r.Names(a)); diff != "" {
			t.Errorf("names of %s (-want +got):\n%s", a, diff)
		}
	}
	if diff := cmp.Diff(*section, r.Section()); diff != "" {
		t.Errorf("section (-want +got):\n%s", diff)
	}
	if b := pcapng.AppendNames(nil, list[2:4]); b != nil {
		t.Errorf("names without names: % x", b)
	}
	again := pcapng.AppendSection(pcapng.AppendNames(pcapng.AppendSection(nil, section), list), &pcapng.Section{})
	if r := readNames(t, again); r.Names(v4) != nil || r.Section() != (pcapng.Section{}) {
		t.Errorf("the next section has names %q, section %+v", r.Names(v4), r.Section())
	}
}

// TestManyNames: readers take blocks of any number of names, and keep a bounded number.
func TestManyNames(t *testing.T) {
	var list []pcapng.Name
	address := netip.MustParseAddr("10.0.0.0")
	for range 1<<16 + 10 {
		list = append(list, pcapng.Name{Address: address, Names: []string{"n" + address.String()}})
		address = address.Next()
	}
	r := readNames(t, pcapng.AppendNames(pcapng.AppendSection(nil, section), list))
	for i, want := range map[int]int{0: 1, 1<<16 - 1: 1, 1 << 16: 0} {
		if got := len(r.Names(list[i].Address)); got != want {
			t.Errorf("%s has %d names, want %d", list[i].Address, got, want)
		}
	}
	for i := range list {
		list[i].Names = []string{strings.Repeat("x", 200)}
	}
	r = readNames(t, pcapng.AppendNames(pcapng.AppendSection(nil, section), list))
	kept := 0
	for i := range list {
		kept += len(r.Names(list[i].Address))
	}
	if want := 4 << 20 / 201; kept != want {
		t.Errorf("%d names of 200 bytes kept, want %d", kept, want)
	}
}

// TestForeignNames reads blocks of the other byte order, with records that are not known, cut
// short, or have no end.
func TestForeignNames(t *testing.T) {
	b := bigEndian(nil, 0x0A0D0D0A, words(0x1A2B3C4D, 1<<16, 0xffffffff, 0xffffffff))
	b = bigEndian(b, 4, words(99<<16|2, 0, 1<<16|3, 0, 1<<16|6, 0x0a000001, 0x61000000, 2<<16|18, 0x20010db8, 0, 0, 1, 0x62000000))
	b = bigEndian(b, 4, words(1<<16|200, 0x0a000001, 0x63000000))
	r := readNames(t, b)
	for address, want := range map[string][]string{"10.0.0.1": {"a"}, "2001:db8::1": {"b"}} {
		if diff := cmp.Diff(want, r.Names(netip.MustParseAddr(address))); diff != "" {
			t.Errorf("names of %s (-want +got):\n%s", address, diff)
		}
	}
}
