package applet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// ping is one run of the applet.
type ping struct {
	count, size    int
	interval, wait float64
	deadline       float64
	v4, v6, quiet  bool

	conn          *icmp.PacketConn
	to            *net.IPAddr
	id            int
	raw           bool
	sent, got     int
	low, high, up time.Duration
}

func runPing(args []string) error {
	p := &ping{low: math.MaxInt64}
	rest, err := flags("ping", args, func(f *pflag.FlagSet) {
		f.IntVarP(&p.count, "count", "c", 0, "number of requests (default: until Ctrl-C)")
		f.IntVarP(&p.size, "size", "s", 56, "bytes of data")
		f.Float64VarP(&p.interval, "interval", "i", 1, "seconds between requests")
		f.Float64VarP(&p.wait, "timeout", "W", 2, "seconds to wait for an answer")
		f.Float64VarP(&p.deadline, "deadline", "w", 0, "seconds for all of it")
		f.BoolVarP(&p.v4, "ipv4", "4", false, "IPv4")
		f.BoolVarP(&p.v6, "ipv6", "6", false, "IPv6")
		f.BoolVarP(&p.quiet, "quiet", "q", false, "the summary alone")
	})
	if err != nil {
		return err
	}
	if len(rest) != 1 || p.size < 8 || p.size > 65000 || p.interval < 0.01 {
		return fail(exitUsage, "takes a host; -s is 8 to 65000, -i at least 0.01")
	}
	if err := p.open(rest[0]); err != nil {
		return &exitError{2, err}
	}
	defer p.conn.Close()
	fmt.Printf("PING %s (%s): %d data bytes\n", rest[0], p.to, p.size)
	if err := p.run(); err != nil {
		return &exitError{2, err}
	}
	p.summary(rest[0])
	if p.got == 0 {
		return &exitError{code: 1}
	}
	return nil
}

// open resolves the host and opens a socket: a raw one, or the unprivileged kind of icmp(7) where that is allowed.
func (p *ping) open(host string) (err error) {
	network := map[[2]bool]string{{true, false}: "ip4", {false, true}: "ip6"}[[2]bool{p.v4, p.v6}]
	if network == "" {
		network = "ip"
	}
	if p.to, err = net.ResolveIPAddr(network, host); err != nil {
		return err
	}
	p.v6 = p.to.IP.To4() == nil
	rawNet, datagram, local := "ip4:icmp", "udp4", "0.0.0.0"
	if p.v6 {
		rawNet, datagram, local = "ip6:ipv6-icmp", "udp6", "::"
	}
	p.raw = true
	p.id = os.Getpid() & 0xffff
	if p.conn, err = icmp.ListenPacket(rawNet, local); err == nil {
		return nil
	}
	p.raw = false
	var derr error
	if p.conn, derr = icmp.ListenPacket(datagram, local); derr != nil {
		return errors.Join(err, derr)
	}
	return nil
}

func (p *ping) run() error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	started := time.Now()
	for seq := 0; p.count == 0 || seq < p.count; seq++ {
		sent := time.Now()
		if err := p.send(seq); err != nil {
			return err
		}
		p.receive(seq, sent)
		if p.deadline > 0 && time.Since(started).Seconds() >= p.deadline || p.count > 0 && seq+1 == p.count {
			return nil
		}
		select {
		case <-stop:
			return nil
		case <-time.After(time.Duration(p.interval*float64(time.Second)) - time.Since(sent)):
		}
	}
	return nil
}

func (p *ping) send(seq int) error {
	var kind icmp.Type = ipv4.ICMPTypeEcho
	if p.v6 {
		kind = ipv6.ICMPTypeEchoRequest
	}
	data := make([]byte, p.size)
	binary.BigEndian.PutUint64(data, uint64(time.Now().UnixNano()))
	msg, err := (&icmp.Message{Type: kind, Body: &icmp.Echo{ID: p.id, Seq: seq & 0xffff, Data: data}}).Marshal(nil)
	if err != nil {
		return err
	}
	var to net.Addr = p.to
	if !p.raw {
		to = &net.UDPAddr{IP: p.to.IP, Zone: p.to.Zone}
	}
	p.sent++
	_, err = p.conn.WriteTo(msg, to)
	return err
}

// receive waits for the answer to one request.
func (p *ping) receive(seq int, sent time.Time) {
	buf := make([]byte, p.size+1500)
	_ = p.conn.SetReadDeadline(sent.Add(time.Duration(p.wait * float64(time.Second))))
	protocol := 1 // the protocol number of ICMP
	if p.v6 {
		protocol = 58
	}
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			return // no answer in time
		}
		msg, err := icmp.ParseMessage(protocol, buf[:n])
		if err != nil {
			continue
		}
		echo, ok := msg.Body.(*icmp.Echo)
		reply := msg.Type == ipv4.ICMPTypeEchoReply || msg.Type == ipv6.ICMPTypeEchoReply
		if !ok || !reply || echo.Seq != seq&0xffff || p.raw && echo.ID != p.id {
			continue
		}
		took := time.Since(sent)
		p.got++
		p.low, p.high, p.up = min(p.low, took), max(p.high, took), p.up+took
		if !p.quiet {
			fmt.Printf("%d bytes from %s: seq=%d time=%.3f ms\n", n, hostOf(from.String()), seq, took.Seconds()*1000)
		}
		return
	}
}

func (p *ping) summary(host string) {
	fmt.Printf("\n--- %s ping statistics ---\n%d packets transmitted, %d received, %d%% packet loss\n",
		host, p.sent, p.got, 100*(p.sent-p.got)/max(p.sent, 1))
	if p.got > 0 {
		ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
		fmt.Printf("round-trip min/avg/max = %.3f/%.3f/%.3f ms\n", ms(p.low), ms(p.up/time.Duration(p.got)), ms(p.high))
	}
}
