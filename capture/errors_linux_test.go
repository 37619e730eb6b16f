package capture_test

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"

	"dlx/capture"
	"dlx/fault"
	"dlx/internal/linux"
)

func TestErrors(t *testing.T) {
	enter := namespace(t, "")
	if _, err := openErr(enter, capture.Options{Interface: "eth7"}); !errors.Is(err, fault.NoInterface) || !slices.Equal(fault.Of(err).Detail, []string{"lo"}) {
		t.Errorf("error %v, want fault.NoInterface that names lo", err)
	}
	bad := errors.New("bad filter")
	if _, err := openErr(enter, capture.Options{Compile: func(uint16, netip.Addr, uint32) ([]bpf.RawInstruction, error) { return nil, bad }}); !errors.Is(err, bad) {
		t.Errorf("error %v, want the filter's", err)
	}
	long := func(uint16, netip.Addr, uint32) ([]bpf.RawInstruction, error) {
		return make([]bpf.RawInstruction, 1<<16+1), nil
	}
	if _, err := openErr(enter, capture.Options{Compile: long}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("error %v, want EINVAL for a filter of 65537 instructions", err)
	}
	c, err := openErr(enter, capture.Options{RingSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	pr, pw := io.Pipe()
	pr.Close()
	if _, err := c.Run(t.Context(), capture.ToWriter(pw)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want io.ErrClosedPipe", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestPermission opens a capture on a thread that has become nobody.
func TestPermission(t *testing.T) {
	enter := namespace(t, "")
	asNobody := func(f func() error) error {
		return enter(func() error {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, linux.Nobody, linux.Nobody, linux.Nobody); errno != 0 {
				return errno
			}
			return f()
		})
	}
	_, err := openErr(asNobody, capture.Options{})
	if !errors.Is(err, capture.ErrPermission) || !errors.Is(err, syscall.EPERM) {
		t.Errorf("error %v, want ErrPermission and EPERM", err)
	}
}
