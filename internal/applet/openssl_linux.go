package applet

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a fingerprint that people compare, not a signature
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"dlx/internal/printable"
)

const opensslUsage = `usage: openssl s_client -connect HOST:PORT [-servername NAME] [-showcerts] [-CAfile FILE] [-cert FILE] [-key FILE] [-alpn LIST] [-tls1_2|-tls1_3]
       openssl x509 [-in FILE] [-noout] [-text] [-subject] [-issuer] [-dates] [-enddate] [-startdate] [-serial] [-fingerprint] [-ext subjectAltName] [-checkend SECONDS]
       openssl version
`

// runOpenssl has the two commands of openssl(1) that people look at certificates with. tls says more in fewer words.
func runOpenssl(args []string) error {
	if len(args) == 0 {
		return fail(exitUsage, "takes s_client, x509 or version")
	}
	switch args[0] {
	case "s_client":
		return sClient(args[1:])
	case "x509":
		return showX509(args[1:])
	case "version":
		fmt.Println("OpenSSL's s_client and x509 in dlx, on Go's crypto/tls")
		return nil
	case "help", "--help", "-help":
		fmt.Print(opensslUsage)
		return nil
	}
	return fail(1, "%s is not supported: there are s_client, x509 and version", args[0])
}

// opensslOptions reads options with one dash; takes are those with a value.
func opensslOptions(args []string, takes string) (map[string]string, []string, error) {
	values := map[string]string{}
	var order []string
	for i := 0; i < len(args); i++ {
		name := strings.TrimLeft(args[i], "-")
		if name == args[i] {
			return nil, nil, fail(1, "%s: extra argument (openssl --help)", name)
		}
		order = append(order, name)
		if !strings.Contains(" "+takes+" ", " "+name+" ") {
			values[name] = "yes"
			continue
		}
		if i++; i == len(args) {
			return nil, nil, fail(1, "option -%s takes a value", name)
		}
		values[name] = args[i]
	}
	return values, order, nil
}

func sClient(args []string) error {
	o, _, err := opensslOptions(args, "connect servername CAfile cert key alpn verify_return_error_depth host port")
	if err != nil {
		return err
	}
	addr := o["connect"]
	if addr == "" {
		return fail(1, "s_client takes -connect HOST:PORT")
	}
	name := o["servername"]
	if name == "" {
		name = hostOf(addr)
	}
	client := clientOptions{insecure: true, certFile: o["cert"], keyFile: o["key"]}
	config, err := client.tls()
	if err != nil {
		return err
	}
	config.ServerName = name
	if o["alpn"] != "" {
		config.NextProtos = strings.Split(o["alpn"], ",")
	}
	if o["tls1_2"] != "" {
		config.MaxVersion = tls.VersionTLS12
	}
	if o["tls1_3"] != "" {
		config.MinVersion = tls.VersionTLS13
	}
	var roots *x509.CertPool
	if o["CAfile"] != "" {
		if roots, err = readRoots(o["CAfile"]); err != nil {
			return err
		}
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", addr, config)
	if err != nil {
		return fail(1, "connect: %w", err)
	}
	defer conn.Close()
	state := conn.ConnectionState()
	printSession(&state, addr, roots, o["showcerts"] != "")
	return relay(conn)
}

func printSession(state *tls.ConnectionState, addr string, roots *x509.CertPool, all bool) {
	code, text := 0, "ok"
	if err := verifyChain(state, "", roots); err != nil {
		code, text = verifyResult(state, nil), printable.Escape(err.Error())
	}
	fmt.Printf("CONNECTED(%s)\n---\nCertificate chain\n", addr)
	for i, c := range state.PeerCertificates {
		fmt.Printf(" %d s:%s\n   i:%s\n   v:NotBefore: %s; NotAfter: %s\n", i, dn(c.Subject.String()), dn(c.Issuer.String()), opensslTime(c.NotBefore), opensslTime(c.NotAfter))
		if all {
			_ = pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
		}
	}
	if len(state.PeerCertificates) > 0 {
		c := state.PeerCertificates[0]
		fmt.Println("---\nServer certificate")
		if !all {
			_ = pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
		}
		fmt.Printf("subject=%s\nissuer=%s\n", dn(c.Subject.String()), dn(c.Issuer.String()))
	}
	alpn := "No ALPN negotiated"
	if state.NegotiatedProtocol != "" {
		alpn = "ALPN protocol: " + state.NegotiatedProtocol
	}
	version := strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1)
	fmt.Printf("---\nNew, %s, Cipher is %s\n%s\nVerify return code: %d (%s)\n---\n", version, tls.CipherSuiteName(state.CipherSuite), alpn, code, text)
}

// relay passes standard input on until it ends, and what comes back meanwhile.
func relay(conn net.Conn) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(os.Stdout, conn)
	}()
	n, err := io.Copy(conn, os.Stdin)
	if n > 0 { // an answer may still come
		select {
		case <-done:
		case <-time.After(time.Second):
		}
	}
	return err
}

// dn is a name as openssl 3 writes it, with spaces around.
func dn(name string) string {
	return printable.Escape(strings.ReplaceAll(strings.ReplaceAll(name, "=", " = "), ",", ", "))
}

func opensslTime(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }

func showX509(args []string) error {
	o, order, err := opensslOptions(args, "in inform checkend ext")
	if err != nil {
		return err
	}
	name := o["in"]
	if name == "" {
		name = "-"
	}
	data, err := readNamed(name)
	if err != nil {
		return fail(1, "%w", err)
	}
	c, err := firstCertificate(data)
	if err != nil {
		return fail(1, "Could not read certificate from %s: %w", printable.Escape(name), err)
	}
	for _, option := range order {
		if err := printX509(c, option, o); err != nil {
			return err
		}
	}
	if o["noout"] == "" {
		return pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return nil
}

func firstCertificate(data []byte) (*x509.Certificate, error) {
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	if c, err := x509.ParseCertificate(data); err == nil {
		return c, nil
	}
	return nil, errors.New("no certificate in it")
}

func printX509(c *x509.Certificate, option string, o map[string]string) error {
	switch option {
	case "subject":
		fmt.Printf("subject=%s\n", dn(c.Subject.String()))
	case "issuer":
		fmt.Printf("issuer=%s\n", dn(c.Issuer.String()))
	case "dates":
		fmt.Printf("notBefore=%s\nnotAfter=%s\n", opensslTime(c.NotBefore), opensslTime(c.NotAfter))
	case "startdate":
		fmt.Printf("notBefore=%s\n", opensslTime(c.NotBefore))
	case "enddate":
		fmt.Printf("notAfter=%s\n", opensslTime(c.NotAfter))
	case "serial":
		fmt.Printf("serial=%s\n", strings.ToUpper(hexPairs(c.SerialNumber.Bytes(), "")))
	case "fingerprint":
		if o["sha256"] != "" {
			sum := sha256.Sum256(c.Raw)
			fmt.Printf("sha256 Fingerprint=%s\n", hexPairs(sum[:], ":"))
		} else {
			sum := sha1.Sum(c.Raw) //nolint:gosec // as above
			fmt.Printf("SHA1 Fingerprint=%s\n", hexPairs(sum[:], ":"))
		}
	case "ext":
		printNames(c, "")
	case "text":
		printCertificate(c)
	case "checkend":
		n, err := strconv.Atoi(o["checkend"])
		if err != nil {
			return fail(1, "-checkend takes seconds")
		}
		if time.Until(c.NotAfter) < time.Duration(n)*time.Second {
			fmt.Println("Certificate will expire")
			return &exitError{code: 1}
		}
		fmt.Println("Certificate will not expire")
	}
	return nil
}

func hexPairs(b []byte, between string) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = fmt.Sprintf("%02X", c)
	}
	return strings.Join(parts, between)
}

func printNames(c *x509.Certificate, indent string) {
	var names []string
	for _, n := range c.DNSNames {
		names = append(names, "DNS:"+n)
	}
	for _, ip := range c.IPAddresses {
		names = append(names, "IP Address:"+ip.String())
	}
	for _, u := range c.URIs {
		names = append(names, "URI:"+u.String())
	}
	if names != nil {
		fmt.Printf("%sX509v3 Subject Alternative Name:\n%s    %s\n", indent, indent, printable.Escape(strings.Join(names, ", ")))
	}
}

func printCertificate(c *x509.Certificate) {
	fmt.Printf("Certificate:\n    Data:\n        Version: %d (0x%x)\n        Serial Number: %d (0x%x)\n", c.Version, c.Version-1, c.SerialNumber, c.SerialNumber)
	fmt.Printf("        Signature Algorithm: %s\n        Issuer: %s\n        Validity\n", c.SignatureAlgorithm, dn(c.Issuer.String()))
	fmt.Printf("            Not Before: %s\n            Not After : %s\n", opensslTime(c.NotBefore), opensslTime(c.NotAfter))
	fmt.Printf("        Subject: %s\n        Subject Public Key Info:\n            Public Key Algorithm: %s\n", dn(c.Subject.String()), c.PublicKeyAlgorithm)
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		fmt.Printf("                Public-Key: (%d bit)\n", key.N.BitLen())
	case *ecdsa.PublicKey:
		fmt.Printf("                Public-Key: (%d bit)\n", key.Curve.Params().BitSize)
	}
	fmt.Println("        X509v3 extensions:")
	if c.BasicConstraintsValid {
		fmt.Printf("            X509v3 Basic Constraints:\n                CA:%s\n", strings.ToUpper(strconv.FormatBool(c.IsCA)))
	}
	printNames(c, "            ")
}
