package applet

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"

	"dlx/internal/printable"
)

func (t *tc) show() error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	found := false
	for _, link := range links {
		if t.device != "" && link.Attrs().Name != t.device {
			continue
		}
		found = true
		list, err := netlink.QdiscList(link)
		if err != nil {
			return err
		}
		for _, q := range list {
			t.print(q, printable.Escape(link.Attrs().Name))
		}
	}
	if !found && t.device != "" {
		return fail(1, "Cannot find device %q", t.device)
	}
	return nil
}

func (t *tc) print(q netlink.Qdisc, device string) {
	a := q.Attrs()
	if t.attrs.Parent != 0 && a.Parent != t.attrs.Parent || t.kind != "" && t.kind != q.Type() {
		return
	}
	place := "root"
	if a.Parent != netlink.HANDLE_ROOT {
		major, minor := netlink.MajorMinor(a.Parent)
		place = fmt.Sprintf("parent %x:%x", major, minor)
	}
	major, _ := netlink.MajorMinor(a.Handle)
	fmt.Printf("qdisc %s %x: dev %s %s", printable.Escape(q.Type()), major, device, place)
	if a.Refcnt > 1 {
		fmt.Printf(" refcnt %d", a.Refcnt)
	}
	fmt.Println(tcDetails(q))
	if s := a.Statistics; t.counters && s != nil && s.Basic != nil {
		fmt.Printf(" Sent %d bytes %d pkt", s.Basic.Bytes, s.Basic.Packets)
		if s.Queue != nil {
			fmt.Printf(" (dropped %d, overlimits %d requeues %d)\n backlog %db %dp", s.Queue.Drops, s.Queue.Overlimits, s.Queue.Requeues, s.Queue.Backlog, s.Queue.Qlen)
		}
		fmt.Println()
	}
}

// tcDetails are the settings of the kinds that can be set.
func tcDetails(q netlink.Qdisc) (text string) {
	ms := func(ticks float64) string { return time.Duration(ticks * float64(time.Microsecond)).String() }
	switch q := q.(type) {
	case *netlink.Netem:
		text = fmt.Sprintf(" limit %d", q.Limit)
		if q.Latency > 0 || q.Jitter > 0 {
			text += " delay " + ms(float64(q.Latency)/netlink.TickInUsec())
			if q.Jitter > 0 {
				text += " " + ms(float64(q.Jitter)/netlink.TickInUsec())
			}
		}
		for _, p := range []struct {
			name  string
			value uint32
		}{{"loss", q.Loss}, {"duplicate", q.Duplicate}, {"reorder", q.ReorderProb}, {"corrupt", q.CorruptProb}} {
			if p.value > 0 {
				text += " " + p.name + " " + strconv.FormatFloat(math.Round(float64(p.value)/math.MaxUint32*1e5)/1e3, 'g', -1, 64) + "%"
			}
		}
		if q.Gap > 0 {
			text += fmt.Sprintf(" gap %d", q.Gap)
		}
		if q.Rate64 > 0 {
			text += " rate " + tcRateText(q.Rate64)
		}
	case *netlink.Tbf:
		text = fmt.Sprintf(" rate %s burst %db limit %db", tcRateText(q.Rate), netlink.Xmitsize(q.Rate, q.Buffer), q.Limit)
	case *netlink.FqCodel:
		text = fmt.Sprintf(" limit %dp flows %d quantum %d target %s interval %s", q.Limit, q.Flows, q.Quantum, ms(float64(q.Target)), ms(float64(q.Interval)))
		if q.ECN != 0 {
			text += " ecn"
		}
	case *netlink.Fq:
		text = fmt.Sprintf(" limit %dp flow_limit %dp quantum %d", q.PacketLimit, q.FlowPacketLimit, q.Quantum)
	}
	return text
}

// tcRateText is a rate in bytes as tc prints it.
func tcRateText(bytes uint64) string {
	bits := float64(bytes) * 8
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "Gbit"}, {1e6, "Mbit"}, {1e3, "Kbit"}} {
		if bits >= u.size {
			return strconv.FormatFloat(bits/u.size, 'g', 6, 64) + u.name
		}
	}
	return strconv.FormatFloat(bits, 'g', -1, 64) + "bit"
}
