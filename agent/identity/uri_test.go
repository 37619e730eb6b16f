package identity_test

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"

	"dlx/agent/identity"
)

// altNames is an extension with URIs.
func altNames(t testing.TB, uris ...string) []byte {
	t.Helper()
	var names []asn1.RawValue
	for _, u := range uris {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(u)})
	}
	der, err := asn1.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestInAltNames(t *testing.T) {
	long := strings.Repeat("a", 64)
	for uri, want := range map[string]string{
		"dlx://user/alice": "alice", "dlx://user/Alice.B_c-d@example.org": "Alice.B_c-d@example.org", "dlx://user/7": "7", "dlx://user/" + long: long,
		"dlx://user/" + long + "a": "", "dlx://user/": "", "dlx://user": "", "dlx:": "", "dlx:alice": "", "dlx:///alice": "", "dlx://alice": "",
		"dlx://users/alice": "", "dlx://user/alice/": "", "dlx://user//alice": "", "dlx://user/a/b": "", "dlx://user/../root": "", "dlx://user/.": "",
		"dlx://user/-rf": "", "dlx://user/@a": "", "dlx://user/al%69ce": "", "dlx://user/%61lice": "", "dlx://user/alice%00": "", "dlx://user/alice%2froot": "",
		"dlx://user/alice?": "", "dlx://user/alice?x=y": "", "dlx://user/alice#": "", "dlx://user/alice#root": "", "dlx://root@user/alice": "",
		"dlx://user:1/alice": "", "dlx://USER/alice": "", "DLX://user/alice": "", "Dlx://user/alice": "", "dlx://user/alice\x00": "", "dlx://user/al\nice": "",
		"dlx://user/\x1b[2Jalice": "", "dlx://user/al ice": "", "dlx://user/älice": "", "dlx://user/alice\xff": "", "dlx://user/alice\u202e": "",
	} {
		got, err := identity.InAltNames(altNames(t, uri))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", uri, got, err, want)
		}
	}
	for _, uris := range [][]string{nil, {"spiffe://x/y"}, {""}, {" dlx://user/alice"}, {"xdlx://user/alice"}} {
		if name, err := identity.InAltNames(altNames(t, uris...)); !errors.Is(err, identity.ErrNoName) {
			t.Errorf("%q: %q, %v", uris, name, err)
		}
	}
	for _, second := range []string{"dlx://user/alice", "dlx://user/root", "DLX://user/root", "dlx:root", "dlx://user/%72oot"} {
		for _, uris := range [][]string{{"dlx://user/alice", second}, {second, "dlx://user/alice"}} {
			if name, err := identity.InAltNames(altNames(t, uris...)); err == nil {
				t.Errorf("%q is %q", uris, name)
			}
		}
	}
	if name, err := identity.InAltNames(altNames(t, "spiffe://x/y", "dlx://user/alice", "https://example.org/")); name != "alice" || err != nil {
		t.Errorf("beside others: %q, %v", name, err)
	}
}

// TestURI: a name comes back from the certificate that it was put into.
func TestURI(t *testing.T) {
	for _, name := range []string{"alice", "a@example.org", "A-1_2.3", "0"} {
		u, err := identity.URI(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := identity.InAltNames(altNames(t, u.String())); got != name || err != nil {
			t.Errorf("%s: %q is %q, %v", name, u, got, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "a b", "-a", "a%41", "ä", "a\x00", strings.Repeat("a", 65)} {
		if u, err := identity.URI(name); err == nil {
			t.Errorf("%q is %q", name, u)
		}
	}
	if _, err := identity.InCertificate(&x509.Certificate{}); !errors.Is(err, identity.ErrNoName) {
		t.Error(err)
	}
}

func FuzzInAltNames(f *testing.F) {
	f.Add(altNames(f, "dlx://user/alice"))
	f.Add(altNames(f, "spiffe://x/y", "dlx://user/alice", "dlx://user/bob"))
	f.Add([]byte{0x30, 0x80, 0x86, 0x00})
	f.Add([]byte{0x30, 0x12, 0xa6, 0x10})
	f.Fuzz(func(t *testing.T, der []byte) {
		name, err := identity.InAltNames(der)
		if err != nil {
			if name != "" {
				t.Errorf("%q, and %v", name, err)
			}
			return
		}
		if err := identity.CheckName(name); err != nil {
			t.Error(err)
		}
		if n := strings.Count(strings.ToLower(string(der)), "dlx://user/"+strings.ToLower(name)); n < 1 {
			t.Errorf("%q is not in %q", name, der)
		}
	})
}
