package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// maxHostNames is the most names and addresses of a host.
const maxHostNames = 64

// checkHost wants names and addresses that stand for one host.
func checkHost(names []string, addresses []netip.Addr) error {
	switch n := len(names) + len(addresses); {
	case n == 0:
		return errors.New("a host has a name or an address")
	case n > maxHostNames:
		return fmt.Errorf("a host has at most %d names and addresses, not %d", maxHostNames, n)
	}
	for _, name := range names {
		if !isHostName(name) {
			return fmt.Errorf("%q is no name of a host", name)
		}
	}
	for _, a := range addresses {
		if !a.IsValid() || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
			return fmt.Errorf("%q is no address of a host", a)
		}
	}
	return nil
}

// isHostName says whether a text is a name of a host (RFC 1123, 2.1), in small letters. There are
// no wildcards: each holder of one could be every agent.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range []byte(label) {
			if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
				return false
			}
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil // 10.0.0.1 is an address
}

// hostNames are the names and addresses in a certificate.
func hostNames(cert *x509.Certificate) []string {
	names := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}
