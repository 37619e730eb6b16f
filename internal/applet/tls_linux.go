package applet

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
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

// tlsLook is one run of tls: what a server offers, or what a file has.
type tlsLook struct {
	name, caFile, file, alpn string
	certFile, keyFile        string
	timeout                  float64
	v12, v13, pem            bool
	lasts                    int64 // seconds; below 0: not asked for
}

// runTLS tells what a TLS server offers and whether it would be trusted, or shows the certificates
// of a file.
func runTLS(args []string) error {
	t := &tlsLook{}
	rest, err := flags("tls", args, func(f *pflag.FlagSet) {
		f.StringVar(&t.name, "servername", "", "name to ask for (default: the host)")
		f.StringVar(&t.caFile, "cacert", "", "trust the roots in a file instead of the bundled ones")
		f.StringVar(&t.certFile, "cert", "", "client certificate")
		f.StringVar(&t.keyFile, "key", "", "its key")
		f.StringVar(&t.alpn, "alpn", "", "protocols to offer, such as h2,http/1.1")
		f.BoolVar(&t.v12, "tls1.2", false, "TLS 1.2 alone")
		f.BoolVar(&t.v13, "tls1.3", false, "TLS 1.3 alone")
		f.StringVarP(&t.file, "file", "f", "", "show the certificates of a file and no server's, - for standard input")
		f.BoolVar(&t.pem, "pem", false, "print the certificates as PEM")
		f.Int64Var(&t.lasts, "checkend", -1, "status 1 if the first certificate ends within so many seconds")
		f.Float64Var(&t.timeout, "timeout", 10, "seconds for connecting")
	})
	switch {
	case err != nil:
		return err
	case t.file != "" && len(rest) == 0:
		return t.showFile()
	case t.file != "" || len(rest) != 1:
		return fail(exitUsage, "takes HOST[:PORT], or --file FILE")
	case t.v12 && t.v13:
		return fail(exitUsage, "--tls1.2 and --tls1.3 do not go together")
	}
	return t.ask(rest[0])
}

func (t *tlsLook) ask(addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		addr = net.JoinHostPort(strings.Trim(addr, "[]"), "443")
	}
	if t.name == "" {
		t.name = hostOf(addr)
	}
	var roots *x509.CertPool
	var err error
	if t.caFile != "" {
		if roots, err = readRoots(t.caFile); err != nil {
			return err
		}
	}
	// An untrusted chain is looked at too. What is said of it comes from verifying it below.
	config, err := (&clientOptions{insecure: true, certFile: t.certFile, keyFile: t.keyFile}).tls()
	if err != nil {
		return err
	}
	config.ServerName, config.NextProtos = t.name, nil
	if t.alpn != "" {
		config.NextProtos = strings.Split(t.alpn, ",")
	}
	switch {
	case t.v12:
		config.MaxVersion = tls.VersionTLS12
	case t.v13:
		config.MinVersion = tls.VersionTLS13
	}
	dialer := &net.Dialer{Timeout: seconds(t.timeout)}
	conn, err := tls.DialWithDialer(dialer, "tcp", addr, config)
	if err != nil {
		return httpStatus(err)
	}
	defer conn.Close()
	state := conn.ConnectionState()
	fmt.Printf("address: %s\n", conn.RemoteAddr())
	printTLS(os.Stdout, "", &state)
	trust := verifyChain(&state, t.name, roots)
	if trust == nil {
		fmt.Println("trusted: yes")
	}
	if err := t.after(state.PeerCertificates); err != nil {
		return err
	}
	if trust != nil {
		return fail(60, "not trusted: %w", trust)
	}
	return nil
}

// after prints and checks what was asked for beside.
func (t *tlsLook) after(list []*x509.Certificate) error {
	if t.pem {
		for _, c := range list {
			if err := pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
				return err
			}
		}
	}
	if t.lasts >= 0 && len(list) > 0 && time.Until(list[0].NotAfter) < time.Duration(t.lasts)*time.Second {
		return fail(1, "the certificate ends within %d seconds", t.lasts)
	}
	return nil
}

// showFile prints the certificates of a file, PEM or DER.
func (t *tlsLook) showFile() error {
	data, err := readNamed(t.file)
	if err != nil {
		return fail(1, "%w", err)
	}
	var list []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fail(1, "certificate %d of %s: %w", len(list), printable.Escape(t.file), err)
		}
		list = append(list, c)
	}
	if list == nil {
		c, err := x509.ParseCertificate(data)
		if err != nil {
			return fail(1, "no certificate in %s", printable.Escape(t.file))
		}
		list = append(list, c)
	}
	printCertificates(os.Stdout, "", list)
	return t.after(list)
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
	printCertificates(w, mark, t.PeerCertificates)
}

func printCertificates(w io.Writer, mark string, list []*x509.Certificate) {
	for i, c := range list {
		fmt.Fprintf(w, "%scertificate %d: %s\n", mark, i, printable.Escape(c.Subject.String()))
		fmt.Fprintf(w, "%s  issuer: %s\n", mark, printable.Escape(c.Issuer.String()))
		fmt.Fprintf(w, "%s  valid: %s to %s (%s)\n", mark, c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), remaining(c.NotAfter))
		if names := alternativeNames(c); len(names) > 0 {
			fmt.Fprintf(w, "%s  names: %s\n", mark, printable.Escape(strings.Join(names, ", ")))
		}
		fmt.Fprintf(w, "%s  serial: %X, key: %s\n", mark, c.SerialNumber, c.PublicKeyAlgorithm)
		fmt.Fprintf(w, "%s  SHA-256: %x\n", mark, sha256.Sum256(c.Raw))
	}
}

// alternativeNames are all that a certificate is for: host names, IP and mail addresses, URIs.
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
