package filter_test

import (
	"slices"
	"testing"

	"dlx/capture/filter"
)

// TestMatch compares Match with the machine of the other tests, on the corpus.
func TestMatch(t *testing.T) {
	for _, link := range []string{"EN10MB", "RAW", "LINUX_SLL2"} {
		opts := options(t, link)
		opts.Extensions = 0
		whole := makeFrames(opts.Link, 400)
		all := slices.Concat(whole, cutFrames(whole, 100))
		compared := 0
		for _, expr := range readList(t, "expressions.txt") {
			p, err := filter.Compile(expr, opts)
			if err != nil {
				continue
			}
			compared++
			for _, f := range all {
				want, _ := machine(p.Raw()).run(f, nil)
				if got := p.Match(f, uint32(len(f))); got != want {
					t.Errorf("%s %q on %x: %d, want %d", link, expr, f, got, want)
				}
			}
		}
		if compared < 600 {
			t.Errorf("%s: only %d expressions", link, compared)
		}
	}
}

// TestMatchLength takes a packet's length for that on the wire.
func TestMatchLength(t *testing.T) {
	p, err := filter.Compile("greater 1000", filter.Options{Link: filter.Ethernet})
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 60)
	if p.Match(data, 999) != 0 || p.Match(data, 1000) == 0 {
		t.Error("the length is not that of the packet on the wire")
	}
}
