package applet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// nc is one run of the applet: the client of nc(1), OpenBSD's, with -z and -v, which busybox lacks. It listens with busybox.
type nc struct {
	scan, verbose, udp, v4, v6, unix, listen bool
	wait                                     float64
	source, port                             string
}

func runNc(args []string) error {
	if slices.ContainsFunc(args, func(a string) bool { return len(a) > 1 && a[0] == '-' && strings.Contains(a, "l") }) {
		if err := becomeBusybox("nc", withoutLetters(args, "vnkN")); !errors.Is(err, errNoBusybox) {
			return err
		}
	}
	c := &nc{}
	rest, err := flags("nc", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&c.scan, "zero", "z", false, "only see whether it is open")
		f.BoolVarP(&c.verbose, "verbose", "v", false, "tell whether it is open")
		f.BoolVarP(&c.udp, "udp", "u", false, "UDP")
		f.BoolVarP(&c.unix, "unix", "U", false, "a unix socket")
		f.BoolVarP(&c.listen, "listen", "l", false, "listen, as busybox's nc does")
		f.BoolVarP(&c.v4, "ipv4", "4", false, "IPv4")
		f.BoolVarP(&c.v6, "ipv6", "6", false, "IPv6")
		f.Float64VarP(&c.wait, "wait", "w", 0, "seconds for connecting, and for silence")
		f.StringVarP(&c.source, "source", "s", "", "address to connect from")
		f.StringVarP(&c.port, "port", "p", "", "port to connect from, or to listen on")
		f.BoolP("numeric", "n", false, "accepted, makes no difference")
		f.BoolP("shutdown", "N", false, "accepted: the end of the input is passed on")
		f.Float64P("quit", "q", 0, "accepted, makes no difference")
	})
	if err != nil {
		return err
	}
	switch {
	case c.listen:
		return errNoBusybox
	case c.unix && len(rest) == 1:
		return c.connect("unix", rest[0], "")
	case len(rest) < 2:
		return fail(1, "takes a host and a port, or -U PATH")
	}
	return c.ports(rest[0], rest[1:])
}

// withoutLetters leaves out what makes no difference to busybox's nc and what it does not know.
func withoutLetters(args []string, letters string) []string {
	var kept []string
	for _, a := range args {
		if len(a) > 1 && a[0] == '-' {
			a = strings.Map(func(r rune) rune {
				if strings.ContainsRune(letters, r) {
					return -1
				}
				return r
			}, a)
			if a == "-" {
				continue
			}
		}
		if len(kept) > 0 && strings.HasSuffix(kept[len(kept)-1], "l") && strings.Trim(a, "0123456789") == "" {
			kept = append(kept, "-p") // OpenBSD's: nc -l PORT
		}
		kept = append(kept, a)
	}
	return kept
}

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
		network = map[bool]string{false: "tcp", true: "udp"}[c.udp]
		if c.v4 != c.v6 {
			network += map[bool]string{true: "4", false: "6"}[c.v4]
		}
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

// talk copies both ways until the other side ends.
func (c *nc) talk(conn net.Conn) error {
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
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
		if err != nil {
			return nil //nolint:nilerr // the end, or silence for as long as -w says
		}
	}
}
