package filter_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"

	"dlx/capture/filter"
)

// filtered is a pair of datagram sockets, one with a filter. The kernel filters the datagram.
type filtered struct{ in, out int }

func newFiltered(t *testing.T) *filtered {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, fd := range fds {
			if err := syscall.Close(fd); err != nil {
				t.Error(err)
			}
		}
	})
	return &filtered{fds[0], fds[1]}
}

func (f *filtered) attach(raw []bpf.RawInstruction) error {
	prog := make([]syscall.SockFilter, len(raw))
	for i, r := range raw {
		prog[i] = syscall.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", syscall.AttachLsf(f.out, prog)) //nolint:staticcheck // x/sys is internal/linux's; this attaches to any socket
}

// passes says whether a datagram gets through.
func (f *filtered) passes(frame []byte) (bool, error) {
	if err := syscall.Sendto(f.in, frame, 0, nil); err != nil {
		return false, os.NewSyscallError("sendto", err)
	}
	var buf [4096]byte
	_, _, err := syscall.Recvfrom(f.out, buf[:], 0)
	if errors.Is(err, syscall.EAGAIN) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("recvfrom", err)
}

// TestKernel attaches each program to a socket: the kernel must decide as the virtual machine.
func TestKernel(t *testing.T) {
	socket := newFiltered(t)
	for _, link := range libpcapLinks {
		for _, ext := range []filter.Extensions{0, filter.Live} {
			opts := options(t, link)
			opts.Extensions = ext
			frames := makeFrames(opts.Link, 60)
			frames = append(frames, cutFrames(frames, 40)...)
			n := 0
			for i, expr := range readList(t, "expressions.txt") {
				p, err := filter.Compile(expr, opts)
				if err != nil || i%every != 0 {
					continue
				}
				n++
				if problem := kernelRefuses(p.Raw()); problem != "" {
					t.Errorf("%s %q: %s", link, expr, problem)
				}
				if err := socket.attach(p.Raw()); err != nil {
					t.Errorf("%s %q: %v", link, expr, err)
					continue
				}
				kernelAgrees(t, socket, link+" "+expr, p.Raw(), frames)
			}
			t.Logf("%s, extensions %d: %d programs attached", link, ext, n)
		}
	}
}

func kernelAgrees(t *testing.T, socket *filtered, what string, m machine, frames [][]byte) {
	t.Helper()
	for _, f := range frames {
		want, _ := m.run(f, &metadata{})
		got, err := socket.passes(f)
		if err != nil {
			t.Fatal(err)
		}
		if got != (want != 0) {
			t.Errorf("%s: % x: the kernel says %v, the program returns %d", what, f, got, want)
			return
		}
	}
}
