package capture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/capture/pcapng"
	"dlx/internal/testutil"
	"dlx/nsutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

const limit = 30 * time.Second

// veth makes a pair of interfaces that are up, and one that is down.
const veth = `ip link add v0 type veth peer name v1
ip link set v0 address 02:00:00:00:00:01 up
ip link set v1 address 02:00:00:00:00:02 up
ip link add down0 type veth peer name down1`

// settled waits until each interface with a carrier also sends. The kernel lets packets through
// somewhat later (linkwatch_do_dev in net/core/link_watch.c), and drops them silently until then.
const settled = `timeout 30 sh -c 'while ip -o link show | grep LOWER_UP | grep -q "state [A-Z]*DOWN"; do :; done'`

// tagged is a frame from v0 to v1 in VLAN 100.
var tagged = append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 100, 0x88, 0xb5}, "tagged, and long enough for a frame of Ethernet's"...)

// namespace is a network namespace of its own: that of a process which does nothing else. All
// traffic of these tests stays inside.
func namespace(t testing.TB, setup string) capture.Enter {
	t.Helper()
	testutil.RequireRoot(t)
	unshare := testutil.RequireTool(t, "unshare")
	testutil.RequireTool(t, "ip")
	cmd := exec.Command(unshare, "-n", "sh", "-ec", "ip link set lo up\n"+setup+"\n"+settled+"\necho ready\nexec sleep 300")
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
	t     testing.TB
	mu    sync.Mutex
	buf   bytes.Buffer
	stop  context.CancelFunc
	done  chan struct{}
	stats capture.Stats
	err   error

	begins           int
	packets, dropped uint64 // that the sink is told of
}

func (r *running) Begin() error {
	r.begins++
	return nil
}

func (r *running) Blocks(b []byte, packets, dropped uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begins != 1 {
		r.t.Errorf("the sink has begun %d times", r.begins)
	}
	r.packets += packets
	r.dropped += dropped
	r.buf.Write(b)
	return nil
}

func (r *running) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Len()
}

func (r *running) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.buf.Bytes())
}

func start(t testing.TB, enter capture.Enter, o capture.Options) *running {
	t.Helper()
	if o.RingSize == 0 {
		o.RingSize = 4 << 20
	}
	return run(t, open(t, enter, o))
}

// run runs a capture beside the test, which waits until it is on.
func run(t testing.TB, c *capture.Capture) *running {
	t.Helper()
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

// openErr makes a capture with one source.
func openErr(enter capture.Enter, o capture.Options) (*capture.Capture, error) {
	c, err := capture.New(o)
	if err != nil {
		return nil, err
	}
	if _, err := c.Add(capture.Source{Enter: enter, Name: "web"}); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func open(t testing.TB, enter capture.Enter, o capture.Options) *capture.Capture {
	t.Helper()
	c, err := openErr(enter, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// end stops the capture and returns its packets, with the names of their interfaces.
func (r *running) end() (packets []pcapng.Packet, names []string) {
	r.t.Helper()
	r.stop()
	<-r.done
	if r.err != nil {
		r.t.Fatal(r.err)
	}
	if r.packets != r.stats.Captured || r.dropped != r.stats.Dropped {
		r.t.Errorf("the sink was told of %d packets and %d lost ones, statistics %+v", r.packets, r.dropped, r.stats)
	}
	return readAll(r.t, &r.buf)
}

// readAll returns a file's packets, with the names of their interfaces.
func readAll(t testing.TB, file io.Reader) (packets []pcapng.Packet, names []string) {
	t.Helper()
	for r := pcapng.NewReader(file); ; {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return packets, names
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		packets = append(packets, p)
		names = append(names, r.Interface(&p).Name)
	}
}

// soFar is what the packets of a file are that is still being written, without their data.
func soFar(file []byte) (packets []pcapng.Packet) {
	for r := pcapng.NewReader(bytes.NewReader(file)); ; {
		p, err := r.Next()
		if err != nil {
			return packets
		}
		p.Data = nil
		packets = append(packets, p)
	}
}

// send sends n datagrams from inside the namespace.
func send(t testing.TB, enter capture.Enter, to string, n, size int) {
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
		return settle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func compile(expr string) capture.Compile {
	return func(link uint16, netmask netip.Addr, snaplen uint32) ([]bpf.RawInstruction, error) {
		p, err := filter.Compile(expr, filter.Options{Link: filter.LinkType(link), Snaplen: snaplen, Extensions: filter.Live, Netmask: netmask})
		if err != nil {
			return nil, err
		}
		return p.Raw(), nil
	}
}

// frames calls f, inside the namespace, with what sends a frame out of an interface.
func frames(enter capture.Enter, name string, f func(send func([]byte) error) error) error {
	return enter(func() error {
		iface, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
		if err != nil {
			return err
		}
		defer syscall.Close(fd)
		return f(func(frame []byte) error {
			return syscall.Sendto(fd, frame, 0, &syscall.SockaddrLinklayer{Ifindex: iface.Index})
		})
	})
}

// sendFrames sends n copies of a frame out of an interface of the namespace.
func sendFrames(t testing.TB, enter capture.Enter, name string, frame []byte, n int) {
	t.Helper()
	err := frames(enter, name, func(send func([]byte) error) error {
		for range n {
			if err := send(frame); err != nil {
				return err
			}
		}
		return settle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// settle returns when a datagram has gone through each processor's backlog. The kernel may have
// left earlier ones in there. It is called on a thread of a namespace that nobody else has.
func settle() (err error) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer conn.Close()
	var all processors
	if err := all.call(syscall.SYS_SCHED_GETAFFINITY); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.call(syscall.SYS_SCHED_SETAFFINITY)) }()
	for i, word := range all {
		for ; word != 0; word &= word - 1 {
			var one processors
			one[i] = word & -word
			if err := one.call(syscall.SYS_SCHED_SETAFFINITY); err != nil {
				return err
			}
			if err := echo(conn); err != nil {
				return err
			}
		}
	}
	return nil
}

// processors is a set of those that a thread may run on (sched_setaffinity(2)).
type processors [16]uint64

// call gets or sets those of the calling thread.
func (p *processors) call(nr uintptr) error {
	if _, _, errno := syscall.RawSyscall(nr, 0, unsafe.Sizeof(*p), uintptr(unsafe.Pointer(p))); errno != 0 {
		return errno
	}
	return nil
}

// echo sends a datagram to oneself and waits for it.
func echo(conn net.PacketConn) error {
	if _, err := conn.WriteTo([]byte("settle"), conn.LocalAddr()); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	_, _, err := conn.ReadFrom(make([]byte, 16))
	return err
}

// canceled is a context that has ended.
func canceled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
