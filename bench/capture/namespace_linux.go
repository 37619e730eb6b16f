package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"dlx/nsutil"
)

// namespace is a network namespace with the veth pair g0 and c0. What g0 sends comes in on c0.
type namespace struct {
	cmd *exec.Cmd
	in  io.Closer
	p   *nsutil.Process
}

const setup = `ip link set lo up
ip link add g0 type veth peer name c0
sysctl -qw net.ipv6.conf.g0.disable_ipv6=1 net.ipv6.conf.c0.disable_ipv6=1
ip link set g0 up
ip link set c0 up
exec "$0" -hold`

// hold is run by the process that keeps the namespace. It has the socket that takes all traffic.
func hold() error {
	conn, err := net.ListenPacket("udp4", ":9")
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin) // until the bench ends
	return err
}

func newNamespace(ctx context.Context) (*namespace, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "unshare", "-n", "sh", "-ec", setup, self)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ns := &namespace{cmd: cmd, in: in}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("set up a network namespace: %w", err), ns.close())
	}
	if ns.p, err = nsutil.Open(cmd.Process.Pid); err != nil {
		return nil, errors.Join(err, ns.close())
	}
	return ns, nil
}

func (n *namespace) close() error {
	err := errors.Join(n.in.Close(), n.cmd.Wait())
	if n.p == nil {
		return err
	}
	return errors.Join(err, n.p.Close())
}

// batch is how many frames are sent by one call.
const batch = 32

// sendmmsg is the call's number, which package syscall does not have.
var sendmmsg = map[string]uintptr{"amd64": 307, "arm64": 269}[runtime.GOARCH]

// mmsghdr is struct mmsghdr (sendmmsg(2)).
type mmsghdr struct {
	header syscall.Msghdr
	length uint32
	_      [4]byte
}

// send sends so many frames of the case's kind on g0. It returns how many were sent.
func (n *namespace) send(ctx context.Context, c *traffic, count int) (sent int, err error) {
	err = n.p.Do(nsutil.Net, func() error {
		sent, err = blast(ctx, c, count)
		return err
	})
	return sent, err
}

func blast(ctx context.Context, c *traffic, count int) (int, error) {
	fd, err := socket("g0")
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	messages := make([]mmsghdr, max(c.flows, 1)*batch) // each batch is of one flow, as segments are
	for flow := range len(messages) / batch {
		f := frame(c.size, uint16(flow))
		iov := &syscall.Iovec{Base: &f[0], Len: uint64(len(f))}
		for i := range batch {
			messages[flow*batch+i].header = syscall.Msghdr{Iov: iov, Iovlen: 1}
		}
	}
	start := time.Now()
	sent, next := 0, 0
	for sent < count && ctx.Err() == nil {
		n := min(batch, count-sent)
		if c.rate > 0 {
			n = min(n, max(1, c.rate/1000)) // at least a thousand times a second
			time.Sleep(time.Until(start.Add(time.Duration(sent) * time.Second / time.Duration(c.rate))))
		}
		next = (next + batch) % len(messages)
		done, _, errno := syscall.Syscall6(sendmmsg, uintptr(fd), uintptr(unsafe.Pointer(&messages[next])), uintptr(n), 0, 0, 0)
		if errno != 0 && errno != syscall.ENOBUFS && errno != syscall.EINTR {
			return sent, errno
		}
		if errno == 0 {
			sent += int(done)
		}
	}
	return sent, nil
}

// socket opens a packet socket that sends on an interface, past the queue.
func socket(name string) (int, error) {
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	const packetQdiscBypass = 20 // linux/if_packet.h
	err = syscall.SetsockoptInt(fd, syscall.SOL_PACKET, packetQdiscBypass, 1)
	index, err2 := interfaceIndex(name)
	if err = errors.Join(err, err2); err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrLinklayer{Ifindex: index})
	}
	if err != nil {
		return -1, errors.Join(err, syscall.Close(fd))
	}
	return fd, nil
}

// frame is a UDP datagram of a flow. Its Ethernet address is nobody's here, so nobody answers it.
func frame(size int, flow uint16) []byte {
	f := make([]byte, size)
	copy(f, []byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0})
	f[16], f[17] = byte((size-14)>>8), byte(size-14)
	copy(f[22:], []byte{64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0, 9, byte((size - 34) >> 8), byte(size - 34)})
	binary.BigEndian.PutUint16(f[34:], 12345+flow)
	return f
}
