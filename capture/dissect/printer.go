package dissect

import (
	"fmt"
	"strings"
	"time"

	"dlx/internal/printable"
)

// Printer prints packets one after another. It remembers packets, as some lines tell of those
// before. It is for one goroutine.
type Printer struct {
	o             Options
	first, last   time.Time
	conversations conversations
	depth         int // of IP headers in one another
}

// New returns a printer.
func New(o Options) *Printer { return &Printer{o: o} }

// maxLine and maxLines bound what is said of a packet, the dump apart.
const (
	maxLine  = 4096 // bytes
	maxLines = 256
)

// text is what is said of a packet: lines, of which the one at hand is still open.
type text struct {
	lines []string
	b     strings.Builder
}

// add appends to the line at hand.
func (t *text) add(format string, args ...any) {
	if len(args) == 0 {
		t.b.WriteString(format)
		return
	}
	fmt.Fprintf(&t.b, format, args...)
}

// line begins another line, with an indent that is not escaped.
func (t *text) line(indent string) {
	t.end()
	if len(t.lines) < maxLines {
		t.lines = append(t.lines, indent)
	}
}

// end closes the line at hand: it follows its indent.
func (t *text) end() {
	s := printable.Escape(t.b.String())
	if len(s) > maxLine {
		s = s[:maxLine] + "..."
	}
	t.b.Reset()
	if n := len(t.lines); n > 0 {
		t.lines[n-1] += s
		return
	}
	t.lines = append(t.lines, s)
}

// Text returns what there is to say of a packet: one line or more, without the last one's end.
func (p *Printer) Text(k *Packet) string {
	var t text
	p.head(&t, k)
	p.body(&t, k)
	t.end()
	p.dump(&t, k)
	return strings.Join(t.lines, "\n")
}

// body says what the packet is. A decoder's mistake costs this packet's details, and nothing else.
func (p *Printer) body(t *text, k *Packet) {
	defer func() {
		if r := recover(); r != nil {
			t.add("[packet that can not be decoded], length %d", k.Length)
		}
	}()
	p.link(t, k)
}

// head says when and where the packet was seen, and whose it is.
func (p *Printer) head(t *text, k *Packet) {
	p.clock(t, k.Time)
	if k.Container != "" {
		t.add("%-8s ", k.Container)
	}
	if p.o.Process {
		owner := k.Process
		if owner == "" {
			owner = "-"
		}
		t.add("%-12s ", owner)
	}
	if k.Interface != "" {
		t.add("%-5s ", k.Interface)
	}
	if k.Direction != "" || k.Interface != "" {
		t.add("%-3s ", k.Direction)
	}
}

// clock prints the time.
func (p *Printer) clock(t *text, at time.Time) {
	if p.first.IsZero() {
		p.first, p.last = at, at
	}
	switch p.o.Clock {
	case Local:
		t.add("%s ", at.Format("15:04:05.000000"))
	case Unix:
		t.add("%d.%06d ", at.Unix(), at.Nanosecond()/1000)
	case SinceLast:
		t.add("%s ", since(at.Sub(p.last)))
	case SinceFirst:
		t.add("%s ", since(at.Sub(p.first)))
	case Date:
		t.add("%s ", at.Format("2006-01-02 15:04:05.000000"))
	}
	p.last = at
}

// since is a span as a time of day, negative if the packets are not in order.
func since(d time.Duration) string {
	sign := " "
	if d < 0 {
		sign, d = "-", -d
	}
	seconds := int64(d / time.Second)
	return fmt.Sprintf("%s%02d:%02d:%02d.%06d", sign, seconds/3600, seconds/60%60, seconds%60, d%time.Second/time.Microsecond)
}
