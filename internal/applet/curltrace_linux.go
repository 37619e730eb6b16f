package applet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http/httptrace"
	"os"
	"strings"
	"time"

	"dlx/internal/printable"
)

// times are the moments of the last request, counted from the first one's beginning.
type times struct {
	began                                            time.Time
	lookup, connect, tls, ready, first, total, moved time.Duration
	remote, local                                    string
	connects                                         int
	http2                                            bool
}

// trace notes the times, and tells of the connection with -v.
func (t *transfer) trace(ctx context.Context) context.Context {
	m := &t.times
	if t.redirects > 0 {
		m.moved = time.Since(m.began)
	}
	note := func(d *time.Duration) { *d = time.Since(m.began) }
	tell := func(format string, args ...any) {
		if t.verbose {
			fmt.Fprintln(os.Stderr, "* "+printable.Escape(fmt.Sprintf(format, args...)))
		}
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(info httptrace.DNSDoneInfo) {
			note(&m.lookup)
			if info.Err != nil {
				tell("Could not resolve host: %v", info.Err)
			}
		},
		ConnectStart: func(_, addr string) {
			if m.lookup == 0 {
				note(&m.lookup)
			}
			tell("  Trying %s...", addr)
		},
		ConnectDone: func(_, addr string, err error) {
			if err == nil {
				note(&m.connect)
				m.connects++
				tell("Connected to %s (%s) port %s", t.request.URL.Hostname(), hostOf(addr), addr[strings.LastIndex(addr, ":")+1:])
			} else {
				tell("connect to %s failed: %v", addr, err)
			}
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			note(&m.tls)
			t.verified = verifyResult(&state, err)
			m.http2 = state.NegotiatedProtocol == "h2"
			if t.verbose && err == nil {
				printTLS(os.Stderr, "* ", &state)
			}
		},
		GotConn: func(info httptrace.GotConnInfo) {
			note(&m.ready)
			m.remote, m.local = info.Conn.RemoteAddr().String(), info.Conn.LocalAddr().String()
			if info.Reused {
				tell("Re-using existing connection with host %s", t.request.URL.Hostname())
			}
			if t.verbose {
				t.printRequest()
			}
		},
		GotFirstResponseByte: func() { note(&m.first) },
	})
}

// verifyResult is %{ssl_verify_result}: OpenSSL's number
// for how the chain verified (X509_V_ERR in x509_vfy.h).
func verifyResult(state *tls.ConnectionState, err error) int {
	if state.VerifiedChains != nil {
		return 0
	}
	if verify, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		state = &tls.ConnectionState{PeerCertificates: verify.UnverifiedCertificates}
	}
	if len(state.PeerCertificates) == 0 {
		return 1
	}
	cerr := verifyChain(state, "", nil)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](cerr)
	leaf, end := state.PeerCertificates[0], state.PeerCertificates[len(state.PeerCertificates)-1]
	switch {
	case cerr == nil:
		return 0
	case isInvalid && invalid.Reason == x509.Expired:
		return 10
	case len(state.PeerCertificates) == 1 && leaf.Issuer.String() == leaf.Subject.String():
		return 18
	case end.Issuer.String() == end.Subject.String():
		return 19
	}
	return 20
}
