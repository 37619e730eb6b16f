package applet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// dialOptions say where a connection really goes.
type dialOptions struct {
	resolve        []string // HOST:PORT:ADDRESS[,ADDRESS...]
	connectTo      []string // HOST1:PORT1:HOST2:PORT2
	unixSocket     string
	abstractSocket string
	source         string // interface or address
	v4, v6         bool
	connectLimit   time.Duration
}

func (o *dialOptions) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: o.connectLimit}
	switch {
	case o.unixSocket != "":
		return d.DialContext(ctx, "unix", o.unixSocket)
	case o.abstractSocket != "":
		return d.DialContext(ctx, "unix", "@"+o.abstractSocket)
	case o.v4 && !o.v6:
		network = "tcp4"
	case o.v6 && !o.v4:
		network = "tcp6"
	}
	if o.source != "" {
		o.from(&d)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	host, port = o.redirected(host, port)
	last := error(nil)
	for _, address := range o.addresses(host, port) {
		conn, err := d.DialContext(ctx, network, net.JoinHostPort(address, port))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

// from binds to an address, or to an interface as SO_BINDTODEVICE does (socket(7)).
func (o *dialOptions) from(d *net.Dialer) {
	if ip := net.ParseIP(o.source); ip != nil {
		d.LocalAddr = &net.TCPAddr{IP: ip}
		return
	}
	d.Control = func(_, _ string, raw syscall.RawConn) (err error) {
		cerr := raw.Control(func(fd uintptr) { err = syscall.BindToDevice(int(fd), strings.TrimPrefix(o.source, "if!")) })
		return errors.Join(err, cerr)
	}
}

// redirected applies --connect-to; a part that is left empty is any, or the same.
func (o *dialOptions) redirected(host, port string) (toHost, toPort string) {
	for _, rule := range o.connectTo {
		f := splitColons(rule)
		if len(f) != 4 || f[0] != "" && f[0] != host || f[1] != "" && f[1] != port {
			continue
		}
		if f[2] != "" {
			host = f[2]
		}
		if f[3] != "" {
			port = f[3]
		}
		return host, port
	}
	return host, port
}

// addresses applies --resolve.
func (o *dialOptions) addresses(host, port string) []string {
	for _, rule := range o.resolve {
		f := strings.SplitN(strings.TrimPrefix(rule, "+"), ":", 3)
		if strings.HasPrefix(rule, "[") {
			f = splitColons(rule)
		}
		if len(f) == 3 && (f[0] == host || f[0] == "*") && f[1] == port {
			var list []string
			for a := range strings.SplitSeq(f[2], ",") {
				list = append(list, strings.Trim(a, "[]"))
			}
			return list
		}
	}
	return []string{host}
}

// splitColons splits at colons that are not in brackets, and takes the brackets away.
func splitColons(s string) []string {
	var parts []string
	depth, start := 0, 0
	for i, r := range s {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case r == ':' && depth == 0:
			parts, start = append(parts, strings.Trim(s[start:i], "[]")), i+1
		}
	}
	return append(parts, strings.Trim(s[start:], "[]"))
}

// httpStatus gives a request's error curl's exit status, and curl's text where scripts know it.
func httpStatus(err error) error {
	var (
		exit    *exitError
		dns     *net.DNSError
		op      *net.OpError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		verify  *tls.CertificateVerificationError
		timeout net.Error
		record  tls.RecordHeaderError
		alert   tls.AlertError
	)
	switch {
	case errors.As(err, &exit):
		return exit
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &name):
		return fail(60, "SSL certificate problem: %w", innermost(err))
	case errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return fail(35, "TLS connect error: %w", innermost(err))
	case errors.As(err, &dns) && !dns.IsTimeout:
		return fail(6, "Could not resolve host: %s", dns.Name)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fail(28, "Operation timed out: %w", innermost(err))
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return fail(56, "proxy: %w", op.Err)
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "socks connect"):
		return refused(op)
	case errors.Is(err, io.EOF):
		return fail(52, "Empty reply from server")
	}
	return &exitError{56, innermost(err)}
}

func refused(op *net.OpError) error {
	if addr, ok := op.Addr.(*net.TCPAddr); ok {
		return fail(7, "Failed to connect to %s port %d: %w", addr.IP, addr.Port, op.Err)
	}
	return &exitError{7, op}
}

// innermost leaves out "Get "http://...":", which says what the user typed.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		switch err.(type) { //nolint:errorlint // one layer is looked at, not the chain
		case *net.OpError, *tls.CertificateVerificationError:
			return err
		}
		err = next
	}
}
