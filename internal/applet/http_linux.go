package applet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	// Mozilla's roots: the container's own are what is being debugged, and a scratch image has none.
	_ "golang.org/x/crypto/x509roots/fallback"
)

// clientOptions are what curl and wget have in common.
type clientOptions struct {
	insecure            bool
	caFile              string
	certFile, keyFile   string
	resolve             []string // HOST:PORT:ADDRESS
	unixSocket          string
	connectLimit, limit time.Duration
	http1, http2        bool
	follow              bool
}

// maxRedirects is curl's own default.
const maxRedirects = 50

// newClient makes an HTTP client of its own: no state, no proxy, no compression behind the user's back.
func newClient(o clientOptions) (*http.Client, error) {
	tlsConfig := &tls.Config{InsecureSkipVerify: o.insecure} //nolint:gosec // -k asks for it
	if o.caFile != "" {
		pool, err := readRoots(o.caFile)
		if err != nil {
			return nil, fail(77, "%w", err)
		}
		tlsConfig.RootCAs = pool
	}
	if o.certFile != "" {
		key := o.keyFile
		if key == "" {
			key = o.certFile
		}
		cert, err := tls.LoadX509KeyPair(o.certFile, key)
		if err != nil {
			return nil, fail(58, "%w", err)
		}
		tlsConfig.Certificates = []tls.Certificate{cert}
	}
	transport := &http.Transport{
		Proxy:              http.ProxyFromEnvironment,
		TLSClientConfig:    tlsConfig,
		DisableCompression: true,
		DisableKeepAlives:  true,
		ForceAttemptHTTP2:  !o.http1,
		DialContext:        o.dial,
	}
	client := &http.Client{Transport: transport, Timeout: o.limit, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		switch {
		case !o.follow:
			return http.ErrUseLastResponse
		case len(via) > maxRedirects:
			return fail(47, "more than %d redirects", maxRedirects)
		}
		return nil
	}}
	return client, nil
}

func readRoots(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

func (o clientOptions) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: o.connectLimit}
	if o.unixSocket != "" {
		return d.DialContext(ctx, "unix", o.unixSocket)
	}
	for _, r := range o.resolve {
		if ip, ok := strings.CutPrefix(r, addr+":"); ok {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return d.DialContext(ctx, network, net.JoinHostPort(strings.Trim(ip, "[]"), port))
		}
	}
	return d.DialContext(ctx, network, addr)
}

// httpStatus is the exit status, curl's, for an error of a request.
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
	)
	switch {
	case errors.As(err, &exit):
		return exit
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &name):
		return &exitError{60, err}
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return &exitError{35, err}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &exitError{28, err}
	case errors.As(err, &dns):
		return &exitError{6, err}
	case errors.As(err, &op) && op.Op == "dial":
		return &exitError{7, err}
	}
	return &exitError{56, err}
}
