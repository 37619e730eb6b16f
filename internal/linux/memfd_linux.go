package linux

import (
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// SealedProgram makes an executable memory file of what write writes, and seals it: nobody can
// change it any more (memfd_create(2), F_SEAL_WRITE). CVE-2019-5736 did so, through /proc/PID/exe.
func SealedProgram(name string, write func(io.Writer) error) (*FD, error) {
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	raw, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 there is no MFD_EXEC, and every memfd is executable
		raw, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, wrap("memfd_create", err)
	}
	fd := NewFD(raw)
	if err := write(writer{fd}); err != nil {
		fd.Close()
		return nil, err
	}
	if err := unix.Fchmod(raw, 0o555); err != nil {
		fd.Close()
		return nil, wrap("fchmod memfd", err)
	}
	const seals = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	if err := seal(raw, seals); err != nil {
		fd.Close()
		return nil, wrap("fcntl F_ADD_SEALS", err)
	}
	return fd, nil
}

const (
	// sealLimit is how long a file that is written no more can be busy.
	sealLimit = 2 * time.Second
	sealPause = 2 * time.Millisecond
)

// seal adds seals. F_SEAL_WRITE is refused while the kernel itself holds a page of the file, as
// reclaim and migration do on a busy machine: it waits for 75 ms by itself (mm/memfd.c,
// memfd_wait_for_pins).
func seal(fd, seals int) error {
	for end := time.Now().Add(sealLimit); ; time.Sleep(sealPause) {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
		if err != unix.EBUSY || time.Now().After(end) {
			return err
		}
	}
}

// writer writes to a descriptor that stays its owner's.
type writer struct{ fd *FD }

func (w writer) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := retry(func() (int, error) { return unix.Write(w.fd.Int(), p[done:]) })
		if err != nil {
			return done, wrap("write", err)
		}
		done += n
	}
	return done, nil
}
