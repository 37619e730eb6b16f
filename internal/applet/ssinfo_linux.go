package applet

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tcpInfoSize is more than struct tcp_info of linux/tcp.h has. Zeroes fill that of older kernels.
const tcpInfoSize = 256

// infoText prints struct tcp_info in ss's words and order; what is zero is left out, as there.
func (k *sock) infoText() string {
	m := slices.Concat(k.info, make([]byte, tcpInfoSize))
	u32 := func(at int) float64 { return float64(binary.NativeEndian.Uint32(m[at:])) }
	u64 := func(at int) float64 { return float64(binary.NativeEndian.Uint64(m[at:])) }
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	some := func(name string, n float64) {
		if n != 0 {
			add("%s:%.0f", name, n)
		}
	}
	for i, name := range []string{"ts", "sack", "", "ecn"} {
		if name != "" && m[5]&(1<<i) != 0 {
			add("%s", name)
		}
	}
	if k.congestion != "" {
		add("%s", k.congestion)
	}
	if m[5]&4 != 0 {
		add("wscale:%d,%d", m[6]&15, m[6]>>4)
	}
	ms := func(name string, us float64) {
		if us != 0 {
			add("%s:%s", name, strconv.FormatFloat(us/1000, 'g', -1, 64))
		}
	}
	ms("rto", u32(8))
	some("backoff", float64(m[4]))
	if u32(68) != 0 {
		add("rtt:%s/%s", strconv.FormatFloat(u32(68)/1000, 'g', -1, 64), strconv.FormatFloat(u32(72)/1000, 'g', -1, 64))
	}
	ms("ato", u32(12))
	some("mss", u32(16))
	some("pmtu", u32(60))
	some("rcvmss", u32(20))
	some("advmss", u32(84))
	some("cwnd", u32(80))
	if u32(76) < 0xffff {
		some("ssthresh", u32(76))
	}
	for _, c := range []struct {
		name string
		n    float64
	}{
		{"bytes_sent", u64(200)}, {"bytes_retrans", u64(208)}, {"bytes_acked", u64(120)}, {"bytes_received", u64(128)},
		{"segs_out", u32(136)}, {"segs_in", u32(140)}, {"data_segs_out", u32(156)}, {"data_segs_in", u32(152)},
	} {
		some(c.name, c.n)
	}
	if rtt := u32(68); rtt > 0 && u32(16) > 0 {
		add("send %sbps", scaled(u32(80)*u32(16)*8e6/rtt))
	}
	some("lastsnd", u32(44))
	some("lastrcv", u32(52))
	some("lastack", u32(56))
	if n := u64(104); n > 0 && n < 1e18 {
		add("pacing_rate %sbps", scaled(n*8))
	}
	if n := u64(160); n > 0 {
		add("delivery_rate %sbps", scaled(n*8))
	}
	some("delivered", u32(192))
	if n := u64(168); n > 0 {
		add("busy:%.0fms", n/1000)
	}
	some("unacked", u32(24))
	if u32(36) > 0 || u32(100) > 0 {
		add("retrans:%.0f/%.0f", u32(36), u32(100))
	}
	some("lost", u32(32))
	some("sacked", u32(28))
	ms("rcv_rtt", u32(92))
	some("rcv_space", u32(96))
	some("rcv_ssthresh", u32(64))
	some("notsent", u32(144))
	ms("minrtt", u32(148))
	some("snd_wnd", u32(228))
	return strings.Join(parts, " ")
}

// scaled writes a rate as ss does: 1.23G, 45.6M, 789k.
func scaled(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n > unit.size {
			return strconv.FormatFloat(n/unit.size, 'g', 3, 64) + unit.name
		}
	}
	return fmt.Sprintf("%.0f", n)
}
