package cli

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dlx/engine"
)

func TestParseSSH(t *testing.T) {
	addr := netip.MustParseAddrPort
	tests := map[string]*engine.Connection{
		"192.0.2.1 50000 192.0.2.2 22":             {Remote: addr("192.0.2.1:50000"), Local: addr("192.0.2.2:22")},
		"2001:db8::1 50000 2001:db8::2 2222":       {Remote: addr("[2001:db8::1]:50000"), Local: addr("[2001:db8::2]:2222")},
		"::ffff:192.0.2.1 1 ::ffff:192.0.2.2 22":   {Remote: addr("192.0.2.1:1"), Local: addr("192.0.2.2:22")},
		"":                                         nil,
		"192.0.2.1 50000 192.0.2.2":                nil,
		"192.0.2.1 50000 192.0.2.2 0":              nil,
		"192.0.2.1 50000 192.0.2.2 65536":          nil,
		"192.0.2.1) or (tcp 50000 192.0.2.2 22":    nil,
		"192.0.2.1 50000 host.example 22":          nil,
		"192.0.2.1 50000 192.0.2.2 22 or tcp port": nil,
	}
	for value, want := range tests {
		got, ok := parseSSH(value)
		if ok != (want != nil) {
			t.Errorf("%q: %+v, %t", value, got, ok)
			continue
		}
		if want == nil {
			continue
		}
		if diff := cmp.Diff(*want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
}

// TestOwnConnections: the variable is found although a program before dlx removes it.
func TestOwnConnections(t *testing.T) {
	const helper = "DLX_TEST_OWN"
	if os.Getenv(helper) != "" {
		for _, c := range ownConnections() {
			os.Stdout.WriteString(c.Remote.String() + " " + c.Local.String())
		}
		os.Exit(0)
	}
	cmd := exec.Command("sh", "-c", `env -u SSH_CONNECTION "$0" -test.run '^TestOwnConnections$'; :`, os.Args[0])
	cmd.Env = append(os.Environ(), helper+"=1", "SSH_CONNECTION=192.0.2.1 50000 192.0.2.2 22")
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "192.0.2.1:50000 192.0.2.2:22") {
		t.Errorf("found %q, %v", out, err)
	}
}
