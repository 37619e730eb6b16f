//go:build linux

package enginetest

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dlx/capture/pcapng"
	"dlx/engine"
	"dlx/internal/testutil"
)

// connect makes a TCP connection over loopback.
func connect(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// own captures in the engine's own network namespace. The asker's connection is left out there.
func (s *suite) own(t *testing.T, e engine.Engine) {
	holder := exec.CommandContext(t.Context(), testutil.RequireTool(t, "sleep"), "300")
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	session, shell := connect(t)
	other, peer := connect(t)
	own := engine.Connection{Local: netip.MustParseAddrPort(shell.LocalAddr().String()), Remote: netip.MustParseAddrPort(session.LocalAddr().String())}
	theirs := shell.LocalAddr().(*net.TCPAddr).Port
	port := other.RemoteAddr().(*net.TCPAddr).Port
	filter := fmt.Sprintf("tcp port %d or tcp port %d", theirs, port)
	for _, leave := range []bool{true, false} {
		req := engine.CaptureRequest{Targets: []string{fmt.Sprintf("pid://%d", holder.Process.Pid)}, Interface: "lo", Filter: filter}
		if leave {
			req.Own = []engine.Connection{own}
		}
		run := startCapture(t, e, req)
		for _, c := range []net.Conn{session, shell, other, peer} {
			if _, err := c.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
		}
		testutil.Wait(t, "the last packet", limit, func() bool { return strings.Count(run.out.String(), "hello") >= 2 })
		run.packets()
		left := run.stats.LeftOut
		if s.wired { // behind what was asked for is an agent's own connection
			left = left[:min(len(left), len(req.Own))]
		}
		if diff := cmp.Diff(req.Own, left, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("left out (-want +got):\n%s", diff)
		}
		ofOwn, ofOther := 0, 0
		r := pcapng.NewReader(strings.NewReader(run.out.String()))
		for {
			p, err := r.Next()
			if err != nil {
				break
			}
			from, to := int(p.Data[34])<<8|int(p.Data[35]), int(p.Data[36])<<8|int(p.Data[37])
			if from == theirs || to == theirs {
				ofOwn++
			} else {
				ofOther++
			}
			_, not, _ := strings.Cut(r.Interface(&p).Filter, "and not (tcp and host 127.0.0.1")
			if said := strings.Contains(not, fmt.Sprintf("port %d ", theirs)); said != leave {
				t.Errorf("the file says %q", r.Interface(&p).Filter)
			}
		}
		if ofOwn > 0 == leave || ofOther < 2 {
			t.Errorf("own connection left out: %t; %d packets of it, %d of the other one", leave, ofOwn, ofOther)
		}
	}
}
