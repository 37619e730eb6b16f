package applet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// nc is one run of the applet: OpenBSD's nc(1).
type nc struct {
	scan, verbose, udp, v4, v6, unix bool
	listen, keep, numeric            bool
	wait, quit                       float64
	source, port                     string
}

func runNc(args []string) error {
	c := &nc{}
	rest, err := flags("nc", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&c.scan, "zero", "z", false, "only see whether it is open")
		f.BoolVarP(&c.verbose, "verbose", "v", false, "tell whether it is open")
		f.BoolVarP(&c.udp, "udp", "u", false, "UDP")
		f.BoolVarP(&c.unix, "unix", "U", false, "a unix socket")
		f.BoolVarP(&c.listen, "listen", "l", false, "listen")
		f.BoolVarP(&c.keep, "keep", "k", false, "listen again after a connection")
		f.BoolVarP(&c.v4, "ipv4", "4", false, "IPv4")
		f.BoolVarP(&c.v6, "ipv6", "6", false, "IPv6")
		f.BoolVarP(&c.numeric, "numeric", "n", false, "take addresses and no names")
		f.Float64VarP(&c.wait, "wait", "w", 0, "seconds for connecting, and for silence")
		f.Float64VarP(&c.quit, "quit", "q", -1, "seconds to go on after the end of the input; below 0 until the other side ends")
		f.StringVarP(&c.source, "source", "s", "", "address to connect from")
		f.StringVarP(&c.port, "port", "p", "", "port to connect from, or to listen on")
		f.BoolP("shutdown", "N", false, "makes no difference: the other side is told of the end of the input")
	})
	if err != nil {
		return err
	}
	switch {
	case c.listen:
		return c.serve(rest)
	case c.keep:
		return fail(exitUsage, "-k goes with -l")
	case c.unix && len(rest) == 1:
		return c.connect("unix", rest[0], "")
	case len(rest) < 2:
		return fail(1, "takes a host and a port, or -U PATH")
	case c.numeric && net.ParseIP(rest[0]) == nil:
		return fail(1, "%s is no address, which -n wants", rest[0])
	}
	return c.ports(rest[0], rest[1:])
}

// network is the one that -u, -4 and -6 choose.
func (c *nc) network() string {
	network := map[bool]string{false: "tcp", true: "udp"}[c.udp]
	if c.v4 != c.v6 {
		network += map[bool]string{true: "4", false: "6"}[c.v4]
	}
	return network
}

// serve takes one connection, or with -k one after another: -l PORT, -l ADDRESS PORT, -l -p PORT,
// -lU PATH.
func (c *nc) serve(rest []string) error {
	if c.port != "" {
		rest = append(rest, c.port)
	}
	network := c.network()
	var address string
	switch {
	case c.unix && len(rest) == 1 && !c.udp:
		network, address = "unix", rest[0]
	case !c.unix && len(rest) == 1:
		address = net.JoinHostPort(c.source, rest[0])
	case !c.unix && len(rest) == 2:
		address = net.JoinHostPort(rest[0], rest[1])
	default:
		return fail(1, "-l takes [ADDRESS] PORT, or with -U a path")
	}
	if c.udp {
		return c.serveDatagrams(network, address)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return fail(1, "listen on %s: %w", address, rootCause(err))
	}
	defer l.Close()
	if c.verbose {
		fmt.Fprintf(os.Stderr, "Listening on %s\n", l.Addr())
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return fail(1, "accept: %w", rootCause(err))
		}
		if c.verbose {
			fmt.Fprintf(os.Stderr, "Connection received from %s\n", conn.RemoteAddr())
		}
		err = c.talk(conn)
		conn.Close()
		if err != nil || !c.keep {
			return err
		}
	}
}

// serveDatagrams talks with whoever sends the first datagram, and with -k prints those of all.
func (c *nc) serveDatagrams(network, address string) error {
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		return fail(1, "listen on %s: %w", address, rootCause(err))
	}
	defer conn.Close()
	buf := make([]byte, 64<<10)
	var peer net.Addr
	for {
		if c.wait > 0 {
			_ = conn.SetReadDeadline(time.Now().Add(seconds(c.wait)))
		}
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return nil // silence for as long as -w says
		}
		if peer == nil && !c.keep {
			peer = from
			go func() { _, _ = io.Copy(datagrams{conn, from}, os.Stdin) }()
		}
		if !c.keep && from.String() != peer.String() {
			continue
		}
		if _, err := os.Stdout.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// datagrams writes to one peer.
type datagrams struct {
	net.PacketConn
	to net.Addr
}

func (d datagrams) Write(b []byte) (int, error) { return d.WriteTo(b, d.to) }

func (c *nc) ports(host string, words []string) error {
	var ranges [][2]uint16
	for _, w := range words {
		r, err := portRanges(w)
		if err != nil {
			return fail(1, "port %q is not a number or a range", w)
		}
		ranges = append(ranges, r...)
	}
	var last error
	for _, r := range ranges {
		for port := int(r[0]); port <= int(r[1]); port++ {
			err := c.connect("", host, strconv.Itoa(port))
			if err == nil && !c.scan {
				return nil
			}
			if err != nil {
				last = err
			}
		}
	}
	return last
}

func (c *nc) connect(network, host, port string) error {
	address, label := host, host
	if network == "" {
		network = c.network()
		address = net.JoinHostPort(host, port)
		label = fmt.Sprintf("%s %s port [%s/*]", host, port, strings.TrimRight(network, "46"))
	}
	d := net.Dialer{Timeout: seconds(c.wait)}
	if c.source != "" || c.port != "" {
		local, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(c.source, c.port))
		if err != nil {
			return fail(1, "%w", err)
		}
		d.LocalAddr = local
		if c.udp {
			d.LocalAddr = &net.UDPAddr{IP: local.IP, Port: local.Port}
		}
	}
	conn, err := d.Dial(network, address)
	if err != nil {
		if !c.verbose {
			return &exitError{code: 1}
		}
		return fail(1, "connect to %s failed: %w", label, rootCause(err))
	}
	defer conn.Close()
	if c.verbose {
		fmt.Fprintf(os.Stderr, "Connection to %s succeeded!\n", label)
	}
	if c.scan {
		return nil
	}
	return c.talk(conn)
}

func rootCause(err error) error {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err
}

// talk copies both ways until the other side ends; who has connected goes on until its own input
// has been sent, too.
func (c *nc) talk(conn net.Conn) error {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(conn, os.Stdin)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		if c.quit >= 0 {
			time.AfterFunc(seconds(c.quit), func() { conn.Close() })
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		if c.wait > 0 {
			_ = conn.SetReadDeadline(time.Now().Add(seconds(c.wait)))
		}
		n, err := conn.Read(buf)
		if _, werr := os.Stdout.Write(buf[:n]); werr != nil {
			return werr
		}
		if errors.Is(err, io.EOF) && !c.listen {
			c.await(sent)
		}
		if err != nil {
			return nil //nolint:nilerr // the end, or silence for as long as -w says
		}
	}
}

// await waits for the end of the input, with -w for so long as the other side may be silent.
func (c *nc) await(sent <-chan struct{}) {
	var over <-chan time.Time
	if c.wait > 0 {
		over = time.After(seconds(c.wait))
	}
	select {
	case <-sent:
	case <-over:
	}
}
