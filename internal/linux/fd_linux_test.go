package linux

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestKeepFromPrograms: a descriptor that a program would get is kept from it, by either way.
func TestKeepFromPrograms(t *testing.T) {
	for name, keep := range map[string]func() error{"close_range": KeepFromPrograms, "one by one": keepEach} {
		raw, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := keep(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for fd, want := range map[int]int{raw: unix.FD_CLOEXEC, 1: 0} {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags != want {
				t.Errorf("%s: descriptor %d has flags %#x, want %#x: %v", name, fd, flags, want, err)
			}
		}
		if err := unix.Close(raw); err != nil {
			t.Error(err)
		}
	}
}
