package capture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/capture/pcapng"
	"dlx/internal/testutil"
	"dlx/nsutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

const limit = 30 * time.Second

// namespace is a network namespace of its own: that of a process which does nothing else. All traffic of these tests
// stays inside.
func namespace(t *testing.T, setup string) capture.Enter {
	t.Helper()
	testutil.RequireRoot(t)
	unshare := testutil.RequireTool(t, "unshare")
	testutil.RequireTool(t, "ip")
	cmd := exec.Command(unshare, "-n", "sh", "-ec", "ip link set lo up\n"+setup+"\necho ready\nexec sleep 300")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	ready := make([]byte, 6)
	if _, err := io.ReadFull(out, ready); err != nil {
		t.Fatalf("set up the namespace: %v", err)
	}
	p, err := nsutil.Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return func(f func() error) error { return p.Do(nsutil.Net, f) }
}

// running is a capture under way.
type running struct {
	t     *testing.T
	mu    sync.Mutex
	buf   bytes.Buffer
	stop  context.CancelFunc
	done  chan struct{}
	stats capture.Stats
	err   error
}

func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *running) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Len()
}

func start(t *testing.T, enter capture.Enter, o capture.Options) *running {
	t.Helper()
	o.RingSize = 4 << 20
	c, err := capture.Open(enter, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	r := &running{t: t, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.stats, r.err = c.Run(ctx, r)
		r.err = errors.Join(r.err, c.Close())
	}()
	testutil.Wait(t, "the file's beginning", limit, func() bool { return r.size() > 0 })
	return r
}

// end stops the capture and returns its packets, with the names of their interfaces.
func (r *running) end() (packets []pcapng.Packet, names []string) {
	r.t.Helper()
	r.stop()
	<-r.done
	if r.err != nil {
		r.t.Fatal(r.err)
	}
	rd := pcapng.NewReader(&r.buf)
	for {
		p, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return packets, names
		}
		if err != nil {
			r.t.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		packets = append(packets, p)
		names = append(names, rd.Interface(&p).Name)
	}
}

// send sends n datagrams from inside the namespace.
func send(t *testing.T, enter capture.Enter, to string, n, size int) {
	t.Helper()
	err := enter(func() error {
		addr, err := net.ResolveUDPAddr("udp4", to)
		if err != nil {
			return err
		}
		conn, err := net.ListenPacket("udp4", ":0") // not connected: that nobody listens there is no error
		if err != nil {
			return err
		}
		defer conn.Close()
		for i := range n {
			payload := append([]byte(fmt.Sprintf("number %04d ", i)), make([]byte, size)...)
			if _, err := conn.WriteTo(payload, addr); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func compile(expr string) capture.Compile {
	return func(link uint16, snaplen uint32) ([]bpf.RawInstruction, error) {
		p, err := filter.Compile(expr, filter.LinkType(link), snaplen)
		if err != nil {
			return nil, err
		}
		return p.Raw(), nil
	}
}

func TestLoopback(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Interface: "lo", Compile: compile("udp dst port 9"), Filter: "udp dst port 9"})
	send(t, enter, "127.0.0.1:9", 50, 0)
	send(t, enter, "127.0.0.1:10", 50, 0)
	packets, names := r.end()
	if len(packets) != 50 || r.stats.Captured != 50 || r.stats.Received != 50 || r.stats.Dropped != 0 {
		t.Fatalf("%d packets, statistics %+v; want each of 50 once", len(packets), r.stats)
	}
	for i, p := range packets {
		if want := fmt.Sprintf("number %04d ", i); names[i] != "lo" || !bytes.Contains(p.Data, []byte(want)) || int(p.Length) != len(p.Data) {
			t.Errorf("packet %d on %s: % x", i, names[i], p.Data)
		}
		if i > 0 && p.Time < packets[i-1].Time {
			t.Errorf("packet %d is older than the one before it", i)
		}
	}
}

func TestStopDrains(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Compile: compile("udp dst port 9"), Latency: 500 * time.Millisecond})
	send(t, enter, "127.0.0.1:9", 200, 1000)
	if packets, _ := r.end(); len(packets) != 200 { // they were in a block that had not been handed over
		t.Errorf("%d packets after the end, want 200", len(packets))
	}
}

func TestCountAndSnapLen(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Compile: compile("udp dst port 9"), Count: 7, SnapLen: 60})
	send(t, enter, "127.0.0.1:9", 20, 500)
	<-r.done
	packets, _ := r.end()
	if len(packets) != 7 {
		t.Fatalf("%d packets, want 7", len(packets))
	}
	for _, p := range packets {
		if len(p.Data) != 60 || p.Length != 14+20+8+12+500 {
			t.Errorf("%d bytes of %d", len(p.Data), p.Length)
		}
	}
}

// TestInterfaces captures on a veth pair: both ends, both directions, and a VLAN tag, which the kernel takes out of a
// received frame, put back.
func TestInterfaces(t *testing.T) {
	enter := namespace(t, `ip link add v0 type veth peer name v1
ip link set v0 address 02:00:00:00:00:01 up
ip link set v1 address 02:00:00:00:00:02 up
ip link add down0 type veth peer name down1`)
	r := start(t, enter, capture.Options{Description: "web"})
	frame := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 100, 0x88, 0xb5}, "tagged, and long enough for a frame of Ethernet's"...)
	sendFrames(t, enter, "v0", frame, 10)
	packets, names := r.end()
	seen := map[string]int{}
	for i, p := range packets {
		if bytes.Equal(p.Data, frame) && int(p.Length) == len(frame) {
			seen[fmt.Sprintf("%s %d", names[i], p.Direction)]++
		}
	}
	want := map[string]int{fmt.Sprint("v0 ", pcapng.Out): 10, fmt.Sprint("v1 ", pcapng.In): 10}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("frames by interface and direction (-want +got):\n%s", diff)
	}
}

// sendFrames sends n copies of a frame out of an interface of the namespace.
func sendFrames(t *testing.T, enter capture.Enter, name string, frame []byte, n int) {
	t.Helper()
	err := enter(func() error {
		iface, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
		if err != nil {
			return err
		}
		defer syscall.Close(fd)
		for range n {
			if err := syscall.Sendto(fd, frame, 0, &syscall.SockaddrLinklayer{Ifindex: iface.Index}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestErrors(t *testing.T) {
	enter := namespace(t, "")
	var missing *capture.NoInterfaceError
	if _, err := capture.Open(enter, capture.Options{Interface: "eth7"}); !errors.As(err, &missing) || missing.Hint() != "interfaces: lo" {
		t.Errorf("error %v, want *NoInterfaceError that names lo", err)
	}
	bad := errors.New("bad filter")
	if _, err := capture.Open(enter, capture.Options{Compile: func(uint16, uint32) ([]bpf.RawInstruction, error) { return nil, bad }}); !errors.Is(err, bad) {
		t.Errorf("error %v, want the filter's", err)
	}
	c, err := capture.Open(enter, capture.Options{RingSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	pr, pw := io.Pipe()
	pr.Close()
	if _, err := c.Run(t.Context(), pw); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want io.ErrClosedPipe", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
