package process_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/capture/process"
	"dlx/internal/testutil"
)

func open(t *testing.T) *process.Finder {
	t.Helper()
	testutil.RequireRoot(t)
	f, err := process.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// find asks until all of /proc has been looked at.
func find(t *testing.T, f *process.Finder, flow process.Flow) (p *process.Process) {
	t.Helper()
	testutil.Wait(t, fmt.Sprintf("the process of %v", flow), time.Minute, func() bool {
		var err error
		p, err = f.Find(flow, time.Now())
		if err != nil && !errors.Is(err, process.ErrUnfinished) {
			t.Fatal(err)
		}
		return err == nil
	})
	return p
}

func addrPort(a net.Addr) netip.AddrPort {
	p := netip.MustParseAddrPort(a.String())
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

func flow(protocol uint8, c net.Conn) process.Flow {
	return process.Flow{Protocol: protocol, Local: addrPort(c.LocalAddr()), Remote: addrPort(c.RemoteAddr())}
}

func reverse(f process.Flow) process.Flow {
	f.Local, f.Remote = f.Remote, f.Local
	return f
}

func wantSelf(t *testing.T, what string, p *process.Process) {
	t.Helper()
	if p == nil || int(p.PID) != os.Getpid() || p.Command == "" || strings.HasPrefix(os.Args[0], p.Command) {
		t.Errorf("%s: %+v, want this process, %d", what, p, os.Getpid())
	}
}

func TestFind(t *testing.T) {
	f := open(t)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} { // the last one takes IPv4 in a socket for IPv6
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		host, _, _ := net.SplitHostPort(address)
		if host == "" {
			host = "127.0.0.1"
		}
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		waiting := flow(process.TCP, conn)
		wantSelf(t, "connection on "+address, find(t, f, waiting))
		wantSelf(t, "connection that waits for accept on "+address, find(t, f, reverse(waiting)))
		accepted, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		wantSelf(t, "accepted connection on "+address, find(t, f, reverse(waiting)))
	}
}

func TestFindUDP(t *testing.T) {
	f := open(t)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0"} {
		bound, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer bound.Close()
		conn, err := net.Dial("udp", strings.Replace(bound.LocalAddr().String(), "[::]", "127.0.0.1", 1))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		connected := flow(process.UDP, conn)
		wantSelf(t, "connected socket to "+address, find(t, f, connected))
		wantSelf(t, "bound socket "+address, find(t, f, reverse(connected)))
	}
}

func TestFindNothing(t *testing.T) {
	f := open(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	local := addrPort(listener.Addr())
	listener.Close()
	for _, protocol := range []uint8{process.TCP, process.UDP} {
		for _, remote := range []string{"192.0.2.1:80", "127.0.0.1:1"} {
			flow := process.Flow{Protocol: protocol, Local: local, Remote: netip.MustParseAddrPort(remote)}
			if p, err := f.Find(flow, time.Now()); p != nil || err != nil {
				t.Errorf("%v belongs to %+v, %v", flow, p, err)
			}
		}
	}
}

// TestFindOther finds a process with a hostile name in another pid namespace.
func TestFindOther(t *testing.T) {
	f := open(t)
	unshare := testutil.RequireTool(t, "unshare")
	bash := testutil.RequireTool(t, "bash")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	local := addrPort(listener.Addr())
	script := fmt.Sprintf(`printf 'x\t\033[2J\\' >/proc/self/comm; exec 3<>/dev/tcp/127.0.0.1/%d; read -r line <&3`, local.Port())
	cmd := exec.Command(unshare, "--pid", "--fork", "--kill-child", bash, "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := find(t, f, reverse(flow(process.TCP, conn)))
	if p == nil || p.Inner != 1 || p.PID <= 1 || p.Command != `x\t\x1b[2J\` {
		t.Errorf("connection of %+v, want PID 1 of its namespace with an escaped name", p)
	}
}

func BenchmarkFind(b *testing.B) {
	testutil.RequireRoot(b)
	f, err := process.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	flow := process.Flow{Protocol: process.UDP, Local: addrPort(c.LocalAddr()), Remote: netip.MustParseAddrPort("127.0.0.1:9")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Find(flow, time.Time{}); err != nil && !errors.Is(err, process.ErrUnfinished) {
			b.Fatal(err)
		}
	}
}
