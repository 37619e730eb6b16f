package applet

import (
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"dlx/internal/printable"
)

const tcOptionsText = `  netem   delay TIME [JITTER [PERCENT]]  loss PERCENT [PERCENT]  duplicate PERCENT  corrupt PERCENT  reorder PERCENT [PERCENT]
          gap N  limit PACKETS  rate RATE
  tbf     rate RATE  burst BYTES  latency TIME | limit BYTES
  fq_codel  limit PACKETS  flows N  target TIME  interval TIME  quantum BYTES  [no]ecn
  fq      limit PACKETS
  pfifo, bfifo, pfifo_fast, prio, noqueue, ingress, clsact

  -s         counters
  handle H:  the number of the new one
`

// tc is one run of the applet: the qdiscs of tc(8), which busybox's can list and not set.
type tc struct {
	counters bool
	verb     string
	device   string
	attrs    netlink.QdiscAttrs
	kind     string
	words    []string // behind the kind
}

func runTC(args []string) error {
	t := &tc{verb: "show"}
	for ; len(args) > 0 && strings.HasPrefix(args[0], "-"); args = args[1:] {
		switch args[0] {
		case "-s", "-stats", "-statistics":
			t.counters = true
		case "-V":
			printVersion("tc")
			return nil
		default:
			return refuse(args[0])
		}
	}
	switch {
	case len(args) == 0:
		return fail(exitUsage, "takes qdisc (tc --help)")
	case args[0] == "" || !isShort(args[0], "qdisc"): // classes, filters and actions are not there
		return refuse(args[0])
	}
	if err := t.parse(args[1:]); err != nil {
		return err
	}
	if t.verb == "show" {
		return t.show()
	}
	return t.set()
}

func (t *tc) parse(words []string) error {
	if len(words) > 0 {
		for _, verb := range []string{"show", "list", "ls", "add", "change", "replace", "delete"} {
			if words[0] != "" && isShort(words[0], verb) {
				t.verb, words = map[string]string{"list": "show", "ls": "show"}[verb], words[1:]
				if t.verb == "" {
					t.verb = verb
				}
				break
			}
		}
	}
	for len(words) > 0 && t.kind == "" {
		word := words[0]
		words = words[1:]
		switch word {
		case "root":
			t.attrs.Parent = netlink.HANDLE_ROOT
		case "ingress", "clsact":
			t.attrs.Parent, t.attrs.Handle = netlink.HANDLE_INGRESS, netlink.MakeHandle(0xffff, 0)
			t.kind = word
		case "dev", "parent", "handle":
			if len(words) == 0 {
				return fail(exitUsage, "%s takes a value", word)
			}
			if err := t.value(word, words[0]); err != nil {
				return err
			}
			words = words[1:]
		default:
			if t.verb == "show" {
				return refuse(word)
			}
			t.kind = word
		}
	}
	t.words = words
	return nil
}

func (t *tc) value(name, value string) (err error) {
	switch name {
	case "dev":
		t.device = value
	case "parent":
		t.attrs.Parent, err = tcHandle(value)
	case "handle":
		t.attrs.Handle, err = tcHandle(value)
	}
	return err
}

// tcHandle reads MAJOR:[MINOR], both hexadecimal.
func tcHandle(text string) (uint32, error) {
	major, minor, _ := strings.Cut(text, ":")
	high, err := strconv.ParseUint(major, 16, 16)
	if err != nil {
		return 0, fail(exitUsage, "%q is no MAJOR:MINOR", text)
	}
	low, err := strconv.ParseUint("0"+minor, 16, 16)
	if err != nil {
		return 0, fail(exitUsage, "%q is no MAJOR:MINOR", text)
	}
	return netlink.MakeHandle(uint16(high), uint16(low)), nil
}

func (t *tc) set() error {
	if t.device == "" || t.attrs.Parent == 0 {
		return fail(exitUsage, "%s takes dev DEVICE and root, parent or ingress", t.verb)
	}
	link, err := netlink.LinkByName(t.device)
	if err != nil {
		return fail(1, "Cannot find device %q", t.device)
	}
	t.attrs.LinkIndex = link.Attrs().Index
	var q netlink.Qdisc = &netlink.GenericQdisc{QdiscAttrs: t.attrs, QdiscType: t.kind}
	if t.verb != "delete" {
		if q, err = t.qdisc(); err != nil {
			return err
		}
	}
	err = map[string]func(netlink.Qdisc) error{
		"add": netlink.QdiscAdd, "change": netlink.QdiscChange, "replace": netlink.QdiscReplace, "delete": netlink.QdiscDel,
	}[t.verb](q)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist) && t.verb != "delete":
		return fail(2, "the kernel has no %s (is sch_%s loaded on the host?)", printable.Escape(t.kind), printable.Escape(t.kind))
	case errors.Is(err, os.ErrPermission):
		return fail(2, "%w (CAP_NET_ADMIN)", err)
	}
	return fail(2, "%w", err)
}

// qdisc is the one that the words describe.
func (t *tc) qdisc() (netlink.Qdisc, error) {
	switch t.kind {
	case "netem":
		return t.netem()
	case "tbf":
		return t.tbf()
	case "fq_codel":
		return t.fqCodel()
	case "fq":
		q := netlink.NewFq(t.attrs)
		return q, t.options(map[string]func(string) error{"limit": tcNumber(&q.PacketLimit)})
	case "clsact":
		return &netlink.Clsact{QdiscAttrs: t.attrs}, t.options(nil)
	case "ingress":
		return &netlink.Ingress{QdiscAttrs: t.attrs}, t.options(nil)
	case "prio":
		return netlink.NewPrio(t.attrs), t.options(nil)
	case "pfifo_fast", "pfifo", "bfifo", "noqueue":
		return &netlink.GenericQdisc{QdiscAttrs: t.attrs, QdiscType: t.kind}, t.options(nil)
	case "":
		return nil, fail(exitUsage, "%s takes a kind, such as netem", t.verb)
	}
	return nil, refuse(t.kind)
}

// options reads NAME VALUE pairs.
func (t *tc) options(known map[string]func(string) error) error {
	for len(t.words) > 0 {
		name := t.words[0]
		set, ok := known[name]
		if !ok {
			return refuse(name)
		}
		if len(t.words) < 2 {
			return fail(exitUsage, "%s takes a value", name)
		}
		if err := set(t.words[1]); err != nil {
			return fail(exitUsage, "%s %s: %w", name, t.words[1], err)
		}
		t.words = t.words[2:]
	}
	return nil
}

func (t *tc) netem() (netlink.Qdisc, error) {
	var a netlink.NetemQdiscAttrs
	a.Limit = 1000
	// A value may be followed by others, which belong to the same word.
	more := map[string][]func(string) error{
		"delay": {tcMicroseconds(&a.Jitter), tcPercent(&a.DelayCorr)}, "latency": {tcMicroseconds(&a.Jitter), tcPercent(&a.DelayCorr)},
		"loss": {tcPercent(&a.LossCorr)}, "duplicate": {tcPercent(&a.DuplicateCorr)}, "corrupt": {tcPercent(&a.CorruptCorr)},
		"reorder": {tcPercent(&a.ReorderCorr)},
	}
	known := map[string]func(string) error{
		"delay": tcMicroseconds(&a.Latency), "latency": tcMicroseconds(&a.Latency), "loss": tcPercent(&a.Loss), "duplicate": tcPercent(&a.Duplicate),
		"corrupt": tcPercent(&a.CorruptProb), "reorder": tcPercent(&a.ReorderProb), "gap": tcNumber(&a.Gap), "limit": tcNumber(&a.Limit),
		"rate": tcRate(&a.Rate64),
	}
	if len(t.words) > 2 && t.words[0] == "loss" && t.words[1] == "random" {
		t.words = append([]string{"loss"}, t.words[2:]...)
	}
	for len(t.words) > 0 {
		rest := t.words
		t.words = rest[:min(len(rest), 2)]
		if err := t.options(known); err != nil {
			return nil, err
		}
		next := rest[min(len(rest), 2):]
		for _, set := range more[rest[0]] {
			if len(next) == 0 || !strings.ContainsAny(next[0][:min(1, len(next[0]))], "0123456789.") {
				break
			}
			if err := set(next[0]); err != nil {
				return nil, fail(exitUsage, "%s %s: %w", rest[0], next[0], err)
			}
			next = next[1:]
		}
		t.words = next
	}
	if a.ReorderProb > 0 && a.Latency == 0 {
		return nil, fail(exitUsage, "reorder takes delay")
	}
	if a.ReorderProb > 0 && a.Gap == 0 {
		a.Gap = 1 // tc-netem(8)
	}
	return netlink.NewNetem(t.attrs, a), nil
}

func (t *tc) tbf() (netlink.Qdisc, error) {
	q := &netlink.Tbf{QdiscAttrs: t.attrs}
	var burst, limit uint64
	var latency uint32
	err := t.options(map[string]func(string) error{
		"rate": tcRate(&q.Rate), "burst": tcBytes(&burst), "buffer": tcBytes(&burst), "limit": tcBytes(&limit), "latency": tcMicroseconds(&latency),
	})
	if err != nil {
		return nil, err
	}
	if q.Rate == 0 || burst == 0 || (limit == 0) == (latency == 0) {
		return nil, fail(exitUsage, "tbf takes rate, burst, and one of latency and limit")
	}
	if latency != 0 {
		limit = uint64(float64(q.Rate)*float64(latency)/1e6) + burst
	}
	q.Limit, q.Buffer = uint32(min(limit, math.MaxUint32)), netlink.Xmittime(q.Rate, uint32(min(burst, math.MaxUint32)))
	return q, nil
}

func (t *tc) fqCodel() (netlink.Qdisc, error) {
	q := netlink.NewFqCodel(t.attrs)
	var words []string
	for _, w := range t.words {
		switch w {
		case "ecn":
			q.ECN = 1
		case "noecn":
			q.ECN = 0
		default:
			words = append(words, w)
		}
	}
	t.words = words
	return q, t.options(map[string]func(string) error{
		"limit": tcNumber(&q.Limit), "flows": tcNumber(&q.Flows), "quantum": tcNumber(&q.Quantum),
		"target": tcMicroseconds(&q.Target), "interval": tcMicroseconds(&q.Interval),
	})
}

func tcNumber(to *uint32) func(string) error {
	return func(text string) error {
		n, err := strconv.ParseUint(text, 10, 32)
		*to = uint32(n)
		return errUnless(err == nil, "not a number")
	}
}

// tcPercent reads 5, 5% and 0.1%.
func tcPercent(to *float32) func(string) error {
	return func(text string) error {
		n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 32)
		*to = float32(n)
		return errUnless(err == nil && n >= 0 && n <= 100, "not a percentage")
	}
}

// tcMicroseconds reads 10ms, 1.5s, 100us; a number alone is of microseconds.
func tcMicroseconds(to *uint32) func(string) error {
	return func(text string) error {
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			text += "us"
		}
		for _, unit := range []string{"msec", "usec", "sec"} {
			if number, ok := strings.CutSuffix(text, unit); ok {
				text = number + strings.TrimSuffix(unit, "ec")
				break
			}
		}
		d, err := time.ParseDuration(text)
		us := d.Microseconds()
		*to = uint32(us) // checked below
		return errUnless(err == nil && us >= 0 && us <= math.MaxUint32, "not a time")
	}
}

// tcRate reads bits or bytes a second: 1mbit, 500kbit, 10kbps; in the result bytes.
func tcRate(to *uint64) func(string) error {
	return func(text string) error {
		number := strings.TrimRight(strings.ToLower(text), "bitpskmg")
		n, err := strconv.ParseFloat(number, 64)
		scale, ok := map[string]float64{
			"": 0.125, "bit": 0.125, "kbit": 125, "mbit": 125e3, "gbit": 125e6, "kibit": 128, "mibit": 128 * 1024, "gibit": 128 * 1024 * 1024,
			"bps": 1, "kbps": 1e3, "mbps": 1e6, "gbps": 1e9,
		}[strings.ToLower(text)[len(number):]]
		*to = uint64(max(n, 0) * scale)
		return errUnless(err == nil && ok && n > 0, "not a rate, such as 1mbit")
	}
}

// tcBytes reads 1600, 10k, 1mb and 32kbit.
func tcBytes(to *uint64) func(string) error {
	return func(text string) error {
		number := strings.TrimRight(strings.ToLower(text), "bitkmg")
		n, err := strconv.ParseFloat(number, 64)
		scale, ok := map[string]float64{
			"": 1, "b": 1, "k": 1024, "kb": 1024, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30, "kbit": 128, "mbit": 128 * 1024,
		}[strings.ToLower(text)[len(number):]]
		*to = uint64(max(n, 0) * scale)
		return errUnless(err == nil && ok && n > 0, "not a number of bytes")
	}
}

func errUnless(ok bool, text string) error {
	if ok {
		return nil
	}
	return errors.New(text)
}
