package main_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports: programs that run as root on the host, and a session's first process, take no
// foreign bytes apart and have no part that takes long to initialise.
func TestImports(t *testing.T) {
	dissectors := []string{
		"dlx/capture/dissect", "dlx/capture/replay", "dlx/internal/printer", "dlx/internal/applet",
		"github.com/gopacket/gopacket", "github.com/gopacket/gopacket/layers", "golang.org/x/net/dns/dnsmessage",
	}
	slow := []string{"github.com/CycloneDX/cyclonedx-go", "encoding/gob"} // encoding/xml, of cilium/ebpf's, is not: it takes 0.05 ms
	for _, c := range []struct {
		pkg, tags string
		forbidden []string
	}{
		{"dlx/cmd/dlx", "dlx_toolbox", append(dissectors, slow...)},
		{"dlx/cmd/dlx-init", "", append(dissectors, append(slow, "net/http", "regexp")...)},
		{"dlx/cmd/dlx-print", "", append(slow, "dlx/internal/applet", "dlx/toolbox", "dlx/engine", "dlx/nsutil", "net/http")},
		{"dlx/toolbox", "", append(dissectors, slow...)},
	} {
		// -e: a checkout without made bundles, which are embedded, will do.
		cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-tags", c.tags, c.pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", cmd.Args, err)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, c.pkg) {
			t.Fatalf("%v: %s", cmd.Args, out)
		}
		for _, p := range c.forbidden {
			if slices.Contains(deps, p) {
				t.Errorf("%s (tags %q) has %s in it: go list -deps and `go mod why` say by whom", c.pkg, c.tags, p)
			}
		}
	}
}
