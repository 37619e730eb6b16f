package applet

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// clientOptions are what curl and wget have in common.
type clientOptions struct {
	dialOptions
	insecure                  bool
	caFile                    string
	certFile, keyFile         string
	limit                     time.Duration
	http1, priorHTTP2         bool
	follow                    bool
	maxRedirects              int
	minTLS                    uint16
	maxTLS                    string
	proxy, proxyUser, noProxy string
}

// defaultRedirects is curl's own default.
const defaultRedirects = 50

// newClient makes an HTTP client of its own: no state, no compression behind the user's back.
func newClient(o clientOptions) (*http.Client, error) {
	tlsConfig, err := o.tls()
	if err != nil {
		return nil, err
	}
	proxy, err := o.proxyFunc()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:              proxy,
		TLSClientConfig:    tlsConfig,
		DisableCompression: true,
		DialContext:        o.dial,
		Protocols:          new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(!o.priorHTTP2)
	transport.Protocols.SetHTTP2(!o.http1)
	transport.Protocols.SetUnencryptedHTTP2(o.priorHTTP2)
	client := &http.Client{Transport: transport, Timeout: o.limit, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		switch {
		case !o.follow:
			return http.ErrUseLastResponse
		case len(via) > defaultRedirects:
			return fail(47, "Maximum (%d) redirects followed", defaultRedirects)
		}
		return nil
	}}
	return client, nil
}

func (o *clientOptions) tls() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: o.insecure, MinVersion: o.minTLS, RootCAs: bundledRoots()} // -k asks for it
	switch o.maxTLS {
	case "", "default", "1.3":
	case "1.2":
		config.MaxVersion = tls.VersionTLS12
	default:
		return nil, fail(exitUsage, "--tls-max %s is not 1.2 or 1.3", o.maxTLS)
	}
	if o.caFile != "" {
		pool, err := readRoots(o.caFile)
		if err != nil {
			return nil, fail(77, "%w", err)
		}
		config.RootCAs = pool
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
		config.Certificates = []tls.Certificate{cert}
	}
	return config, nil
}

// bundledRoots are Mozilla's: the container's own are what is being debugged, and a scratch image
// has none. They are parsed when they are first needed, since most applets never do.
var bundledRoots = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil: // one that is not understood is not trusted
		case root.Constraint != nil:
			pool.AddCertWithConstraint(cert, root.Constraint)
		default:
			pool.AddCert(cert)
		}
	}
	return pool
})

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

// proxyFunc chooses the proxy: the given one, or that of the environment.
func (o *clientOptions) proxyFunc() (func(*http.Request) (*url.URL, error), error) {
	if o.unixSocket != "" || o.abstractSocket != "" || o.noProxy == "*" {
		return nil, nil
	}
	from := http.ProxyFromEnvironment
	if o.proxy != "" {
		address := o.proxy
		if !strings.Contains(address, "://") {
			address = "http://" + address
		}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return nil, fail(5, "Unsupported proxy syntax in '%s'", o.proxy)
		}
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), "1080")
		}
		if user, password, _ := strings.Cut(o.proxyUser, ":"); user != "" {
			u.User = url.UserPassword(user, password)
		}
		from = http.ProxyURL(u)
	}
	return func(r *http.Request) (*url.URL, error) {
		for name := range strings.SplitSeq(o.noProxy, ",") {
			name = strings.TrimPrefix(strings.TrimSpace(name), ".")
			if host := r.URL.Hostname(); name != "" && (host == name || strings.HasSuffix(host, "."+name)) {
				return nil, nil
			}
		}
		return from(r)
	}, nil
}
