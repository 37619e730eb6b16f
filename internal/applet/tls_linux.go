package applet

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// runTLS tells what a TLS server offers and whether it would be trusted: tls HOST[:PORT].
func runTLS(args []string) error {
	var name, caFile string
	seconds := 10.0
	rest, err := flags("tls", args, func(f *pflag.FlagSet) {
		f.StringVar(&name, "servername", "", "name to ask for (default: the host)")
		f.StringVar(&caFile, "cacert", "", "trust the roots in a file instead of the bundled ones")
		f.Float64Var(&seconds, "timeout", seconds, "seconds for connecting")
	})
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return fail(exitUsage, "takes HOST[:PORT]")
	}
	addr := rest[0]
	if _, _, err := net.SplitHostPort(addr); err != nil {
		addr = net.JoinHostPort(strings.Trim(addr, "[]"), "443")
	}
	if name == "" {
		name = hostOf(addr)
	}
	var roots *x509.CertPool
	if caFile != "" {
		if roots, err = readRoots(caFile); err != nil {
			return err
		}
	}
	dialer := &net.Dialer{Timeout: time.Duration(seconds * float64(time.Second))}
	// The chain is looked at even if it is not trusted; what is said of it comes from verifying it below.
	conn, err := tls.DialWithDialer(dialer, "tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true}) //nolint:gosec // as above
	if err != nil {
		return httpStatus(err)
	}
	defer conn.Close()
	state := conn.ConnectionState()
	fmt.Printf("address: %s\n", conn.RemoteAddr())
	printTLS(os.Stdout, "", &state)
	if err := verifyChain(&state, name, roots); err != nil {
		return fail(60, "not trusted: %w", err)
	}
	fmt.Println("trusted: yes")
	return nil
}

func verifyChain(state *tls.ConnectionState, name string, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server sent no certificate")
	}
	if roots == nil {
		roots = bundledRoots()
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between})
	return err
}

// printTLS prints a connection's protocol, cipher and certificates.
func printTLS(w io.Writer, mark string, t *tls.ConnectionState) {
	fmt.Fprintf(w, "%sprotocol: %s, cipher: %s", mark, tls.VersionName(t.Version), tls.CipherSuiteName(t.CipherSuite))
	if t.NegotiatedProtocol != "" {
		fmt.Fprintf(w, ", ALPN: %s", printable.Escape(t.NegotiatedProtocol))
	}
	fmt.Fprintln(w)
	for i, c := range t.PeerCertificates {
		fmt.Fprintf(w, "%scertificate %d: %s\n", mark, i, printable.Escape(c.Subject.String()))
		fmt.Fprintf(w, "%s  issuer: %s\n", mark, printable.Escape(c.Issuer.String()))
		fmt.Fprintf(w, "%s  valid: %s to %s (%s)\n", mark, c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), remaining(c.NotAfter))
		if names := alternativeNames(c); len(names) > 0 {
			fmt.Fprintf(w, "%s  names: %s\n", mark, printable.Escape(strings.Join(names, ", ")))
		}
		fmt.Fprintf(w, "%s  SHA-256: %x\n", mark, sha256.Sum256(c.Raw))
	}
}

// alternativeNames are all that a certificate is for: host names, addresses, URIs and mail addresses.
func alternativeNames(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	return append(names, c.EmailAddresses...)
}

func remaining(end time.Time) string {
	days := int(time.Until(end).Hours() / 24)
	if time.Now().After(end) {
		return fmt.Sprintf("expired %d days ago", -days)
	}
	return fmt.Sprintf("%d days left", days)
}
