package filter_test

import (
	"cmp"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/bpf"

	"dlx/capture/filter"
	"dlx/internal/names"
)

// libpcapLinks are the link types that the corpus is compared for, as tcpdump's -y names them.
var libpcapLinks = []string{"EN10MB", "RAW", "LINUX_SLL", "LINUX_SLL2", "NULL", "LOOP", "IPV4", "IPV6"}

// refusedHere are expressions that tcpdump takes for some link types and this package refuses. The
// value is the reason.
var refusedHere = map[string]string{
	"ip[0 - 1] = 0":       "the offset is negative, where the kernel looks for something else",
	"ip[-2:2] = 0x0800":   "as above",
	"decnet host 10.1.2":  "no DECnet address",
	"decnet host 64.1024": "no DECnet address",
}

// readList reads expressions, one a line, without empty lines and headings.
func readList(t testing.TB, file string) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && !strings.HasPrefix(line, "# ") {
			list = append(list, line)
		}
	}
	return list
}

// options are what tcpdump -y LINK compiles for: no file, no interface, a network mask of 0.
func options(t testing.TB, link string) filter.Options {
	t.Helper()
	l, ok := filter.ParseLinkType(link)
	if !ok {
		t.Fatalf("no link type %s", link)
	}
	return filter.Options{Link: l, Extensions: filter.Metadata, Netmask: netip.AddrFrom4([4]byte{}), Names: names.New(t.Context())}
}

// TestAgainstLibpcap compiles the corpus here and with libpcap and compares: what is refused, the
// verdicts on whole frames and on frames cut at every length, and the lengths of the programs.
func TestAgainstLibpcap(t *testing.T) {
	program := buildLibpcap(t)
	accepted, refused := readList(t, "expressions.txt"), readList(t, "refused.txt")
	if len(accepted) < 700 {
		t.Fatalf("only %d expressions", len(accepted))
	}
	for _, link := range libpcapLinks {
		t.Run(link, func(t *testing.T) {
			opts := options(t, link)
			c := &comparison{t: t, program: program, link: link, opts: opts, whole: makeFrames(opts.Link, 4000)}
			c.cut = cutFrames(c.whole, 1000)
			c.all(slices.Concat(accepted, refused))
			c.lengths()
		})
	}
}

// comparison is the comparison with libpcap for a link type.
type comparison struct {
	t             *testing.T
	program, link string
	opts          filter.Options
	whole, cut    [][]byte

	mu     sync.Mutex
	same   int // programs that are the same to the last instruction
	ratios []ratio
}

type ratio struct {
	expr       string
	ours, want int
}

func (r ratio) value() float64 { return float64(r.ours) / float64(r.want) }

// all compares every expression, two at a time.
func (c *comparison) all(list []string) {
	work := make(chan string)
	var wg sync.WaitGroup
	for range 2 {
		opts := c.opts
		opts.Names = names.New(c.t.Context())
		theirs := startLibpcap(c.t, c.program)
		wg.Go(func() {
			for expr := range work {
				c.one(theirs, expr, opts)
			}
		})
	}
	for i, expr := range list {
		if i%every == 0 {
			work <- expr
		}
	}
	close(work)
	wg.Wait()
}

func (c *comparison) one(theirs *libpcap, expr string, opts filter.Options) {
	t := c.t
	want, theirErr := theirs.compile(c.link, expr)
	if theirErr != nil {
		t.Errorf("%q: libpcap: %v", expr, theirErr)
		return
	}
	got, err := filter.Compile(expr, opts)
	switch {
	case want == nil && err == nil:
		t.Errorf("%q is accepted; libpcap refuses it", expr)
		return
	case want != nil && err != nil && refusedHere[expr] == "":
		t.Errorf("libpcap accepts: %v", err)
		return
	case want == nil || err != nil:
		return
	}
	c.mu.Lock()
	c.ratios = append(c.ratios, ratio{expr, len(got.Raw()), len(want)})
	if slices.Equal(want, machine(got.Raw())) {
		c.same++
	}
	c.mu.Unlock()
	c.verdicts(expr, "", got.Raw(), want, slices.Concat(c.whole, c.cut))
	opts.NoOptimize = true
	if plain, err := filter.Compile(expr, opts); err != nil {
		t.Errorf("not optimized: %v", err)
	} else {
		c.verdicts(expr, "not optimized, ", plain.Raw(), want, long(c.whole))
	}
}

// long leaves out frames that end inside the first headers.
// What happens to them depends on which loads are left.
func long(frames [][]byte) [][]byte {
	return slices.DeleteFunc(slices.Clone(frames), func(f []byte) bool { return len(f) < 60 })
}

// verdicts compares what two programs say of each frame. Frames on which libpcap's program never
// ends are left out: protochain has loops.
func (c *comparison) verdicts(expr, how string, got, want machine, frames [][]byte) {
	for _, f := range frames {
		w, ended := want.run(f, &metadata{packetType: 4, ifindex: 3})
		if g, _ := got.run(f, &metadata{packetType: 4, ifindex: 3}); ended && g != w {
			c.t.Errorf("%q: %s%d bytes % x: %d, and libpcap's program returns %d", expr, how, len(f), f, g, w)
			return
		}
	}
}

// lengths checks how long the programs are, next to libpcap's optimized ones.
func (c *comparison) lengths() {
	slices.SortFunc(c.ratios, func(a, b ratio) int { return cmp.Compare(a.value(), b.value()) })
	median := c.ratios[len(c.ratios)/2].value()
	c.t.Logf("%d expressions, %d programs the same as libpcap's; length: median %.2f times", len(c.ratios), c.same, median)
	if median > 1.2 {
		c.t.Errorf("programs are %.2f times as long as libpcap's in the median", median)
	}
	for _, r := range c.ratios {
		if r.value() > 2 && !strings.Contains(r.expr, "protochain") { // which is a loop in libpcap's
			c.t.Errorf("%q has %d instructions, libpcap's %d", r.expr, r.ours, r.want)
		}
	}
}

// TestMachine compares the virtual machine of these tests with that of golang.org/x/net/bpf.
func TestMachine(t *testing.T) {
	opts := options(t, "EN10MB")
	opts.Extensions = 0
	frames := makeFrames(opts.Link, 200)
	frames = append(frames, cutFrames(frames, 200)...)
	n := 0
	for i, expr := range readList(t, "expressions.txt") {
		p, err := filter.Compile(expr, opts)
		if err != nil || i%every != 0 {
			continue
		}
		if slices.Contains(p.Instructions(), bpf.Instruction(bpf.NegateA{})) {
			continue // theirs does not know it
		}
		vm, err := bpf.NewVM(p.Instructions())
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		n++
		for _, f := range frames {
			want, err := vm.Run(f)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := machine(p.Raw()).run(f, nil); int(got) != want {
				t.Errorf("%q: % x: %d, want %d", expr, f, got, want)
				break
			}
		}
	}
	if n < 1000/every {
		t.Errorf("only %d programs", n)
	}
}
