package applet

import (
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// ping is one run of the applet: ping(8) of iputils, its everyday flags and its output.
type ping struct {
	count, size, ttl            int
	interval, wait, deadline    float64
	v4, v6, quiet, flood, stamp bool
	adaptive, outstanding       bool
	source, discover            string

	host      string
	to        *net.IPAddr
	sock      *pingSocket
	sent, got int
	errs      int
	times     []time.Duration
	began     time.Time
}

func runPing(args []string) error {
	p := &ping{}
	rest, err := flags("ping", args, p.define)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return fail(exitUsage, "usage error: Destination address required")
	}
	if p.size < 0 || p.size > 65507 || p.interval < 0.002 || p.ttl < 0 || p.ttl > 255 {
		return fail(exitUsage, "-s is 0 to 65507, -i at least 0.002, -t 1 to 255")
	}
	p.host = rest[0]
	if p.sock, err = p.open(); err != nil {
		return &exitError{2, err}
	}
	defer p.sock.Close()
	p.hello()
	if err := p.run(); err != nil {
		return &exitError{2, err}
	}
	p.summary()
	if p.got == 0 || p.deadline > 0 && p.count > 0 && p.got < p.count {
		return &exitError{code: 1}
	}
	return nil
}

func (p *ping) define(f *pflag.FlagSet) {
	f.IntVarP(&p.count, "count", "c", 0, "number of requests (default: until Ctrl-C)")
	f.IntVarP(&p.size, "size", "s", 56, "bytes of data")
	f.Float64VarP(&p.interval, "interval", "i", 1, "seconds between requests")
	f.Float64VarP(&p.wait, "timeout", "W", 10, "seconds to wait for the last answer")
	f.Float64VarP(&p.deadline, "deadline", "w", 0, "seconds for all of it")
	f.BoolVarP(&p.v4, "ipv4", "4", false, "IPv4")
	f.BoolVarP(&p.v6, "ipv6", "6", false, "IPv6")
	f.IntVarP(&p.ttl, "ttl", "t", 0, "time to live")
	f.StringVarP(&p.source, "source", "I", "", "interface or address to send from")
	f.StringVarP(&p.discover, "pmtudisc", "M", "", "path MTU discovery: do, want, dont or probe")
	f.BoolVarP(&p.stamp, "timestamp", "D", false, "the time before each line")
	f.BoolVarP(&p.quiet, "quiet", "q", false, "the summary alone")
	f.BoolVarP(&p.flood, "flood", "f", false, "as fast as answers come; takes -c or -w")
	f.BoolVarP(&p.adaptive, "adaptive", "A", false, "send the next request when an answer has come")
	f.BoolVarP(&p.outstanding, "outstanding", "O", false, "tell of requests without an answer before the next is sent")
	f.BoolP("numeric", "n", true, "makes no difference: names of hosts are never looked up")
}

func (p *ping) hello() {
	from := ""
	if p.source != "" {
		from = fmt.Sprintf(" from %s", p.sock.from())
		if net.ParseIP(p.source) == nil {
			from += " " + p.source
		}
		from += ":"
	}
	const headers = 28 // of IP and ICMP
	if p.v6 {
		fmt.Printf("PING %s(%s)%s %d data bytes\n", p.host, p.to, from, p.size)
		return
	}
	fmt.Printf("PING %s (%s)%s %d(%d) bytes of data.\n", p.host, p.to, from, p.size, p.size+headers)
}

// floodPause bounds a flood to about 1,000 requests a second. floodWait is the cost of a lost one.
const (
	floodPause = time.Millisecond
	floodWait  = 10 * time.Millisecond
)

func (p *ping) run() error {
	if p.flood && p.count == 0 && p.deadline == 0 {
		return fail(exitUsage, "-f takes -c or -w")
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	p.began = time.Now()
	end := time.Time{}
	if p.deadline > 0 {
		end = p.began.Add(seconds(p.deadline))
	}
	for seq := 1; ; seq++ {
		sent := time.Now()
		if err := p.sock.send(seq, p.size); err != nil {
			fmt.Fprintf(os.Stderr, "ping: sendmsg: %v\n", innermost(err))
			p.errs++
		}
		p.sent++
		last := p.count > 0 && seq >= p.count
		until := sent.Add(p.pause(last))
		if !end.IsZero() && until.After(end) {
			until, last = end, true
		}
		answered := p.receive(seq, sent, until, stop)
		if !answered && p.outstanding && !p.quiet && !last && len(stop) == 0 {
			fmt.Printf("no answer yet for icmp_seq=%d\n", seq&0xffff)
		}
		if last || len(stop) > 0 {
			return nil
		}
		rest := time.Until(sent.Add(p.pause(false)))
		if p.flood || p.adaptive && answered {
			rest = floodPause
		}
		select {
		case s := <-stop:
			stop <- s
			return nil
		case <-time.After(rest):
		}
	}
}

// pause is how long one request has: the interval, and for the last one what -W says.
func (p *ping) pause(last bool) time.Duration {
	switch {
	case last:
		return seconds(p.wait)
	case p.flood:
		return floodWait
	}
	return seconds(p.interval)
}

// receive waits for the answer to a request, and says whether it came.
func (p *ping) receive(seq int, sent, until time.Time, stop <-chan os.Signal) bool {
	for len(stop) == 0 {
		r, err := p.sock.receive(until)
		if err != nil {
			return false // no answer in time
		}
		mark := ""
		if p.stamp {
			mark = "[" + strconv.FormatFloat(float64(time.Now().UnixMicro())/1e6, 'f', 6, 64) + "] "
		}
		switch {
		case r.problem != "":
			if !p.quiet {
				fmt.Printf("%sFrom %s icmp_seq=%d %s\n", mark, r.from, r.seq, r.problem)
			}
			p.errs++
			return true
		case r.seq != seq&0xffff:
			continue
		}
		took := time.Since(sent)
		p.got++
		p.times = append(p.times, took)
		if !p.quiet && !p.flood {
			ttl := ""
			if r.ttl > 0 {
				ttl = fmt.Sprintf(" ttl=%d", r.ttl)
			}
			fmt.Printf("%s%d bytes from %s: icmp_seq=%d%s time=%s ms\n", mark, r.size, r.from, r.seq, ttl, milliseconds(took))
		}
		return true
	}
	return false
}

// milliseconds has as many digits as iputils prints.
func milliseconds(d time.Duration) string {
	ms := d.Seconds() * 1000
	switch {
	case ms >= 100:
		return fmt.Sprintf("%.0f", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f", ms)
	case ms >= 1:
		return fmt.Sprintf("%.2f", ms)
	}
	return fmt.Sprintf("%.3f", ms)
}

func (p *ping) summary() {
	errs := ""
	if p.errs > 0 {
		errs = fmt.Sprintf(", +%d errors", p.errs)
	}
	loss := strconv.FormatFloat(100*float64(p.sent-p.got)/float64(max(p.sent, 1)), 'g', 6, 64)
	fmt.Printf("\n--- %s ping statistics ---\n%d packets transmitted, %d received%s, %s%% packet loss, time %dms\n",
		p.host, p.sent, p.got, errs, loss, time.Since(p.began).Milliseconds())
	if p.got == 0 {
		fmt.Println()
		return
	}
	low, high, sum, squares := math.Inf(1), 0.0, 0.0, 0.0
	for _, d := range p.times {
		ms := d.Seconds() * 1000
		low, high, sum, squares = min(low, ms), max(high, ms), sum+ms, squares+ms*ms
	}
	n := float64(p.got)
	deviation := math.Sqrt(max(squares/n-sum/n*sum/n, 0))
	fmt.Printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", low, sum/n, high, deviation)
}
