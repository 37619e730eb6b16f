package linux

import (
	"errors"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Feature is something of the kernel's that dlx uses, and whether it is there.
type Feature struct {
	Name  string // the call
	For   string // what dlx does with it
	Since string // the kernel release that brought it
	Err   error  // nil: it is there
}

// Release is the kernel's release, as uname -r prints it.
func Release() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", wrap("uname", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

// Features probes the kernel. Each probe changes nothing: it asks for what fails in a telling way.
func Features() []Feature {
	return []Feature{
		{"pidfd_open", "holding a process", since["pidfd_open"], closing(PidfdOpen(os.Getpid()))},
		{"setns(pidfd)", "joining namespaces", "5.8", probeSetns()},
		{"openat2", "opening paths below a container's root", since["openat2"], probeOpenat2()},
		{"fsopen", "mounting the toolbox", "5.2", probeFsopen("tmpfs")},
		{"overlay", "keeping the toolbox read-only", "4.0", probeFsopen("overlay")},
		{"open_tree", "building the session's /dev", "5.2", probeOpenTree()},
		{"mount_setattr", "debug --read-only", since["mount_setattr"], probeMountSetattr()},
		{"close_range", "keeping descriptors from sessions", "5.9", unix.CloseRange(1<<30, 1<<30, 0)},
		{"memfd sealing", "running what nobody can overwrite", "3.17", probeMemfd()},
		{"packet socket", "capture", "2.2", probePacket()},
	}
}

func closing(fd *FD, err error) error {
	if err != nil {
		return err
	}
	return fd.Close()
}

// probeSetns joins the namespace of the thread, so nothing changes.
// A kernel that takes no pidfd here says EINVAL.
func probeSetns() error {
	pidfd, err := PidfdOpen(os.Getpid())
	if err != nil {
		return err
	}
	defer pidfd.Close()
	err = Setns(pidfd, NewUts)
	if errors.Is(err, ErrPerm) && !InitialUserNS() {
		return nil // it knows the call, and the namespace is the machine's
	}
	return err
}

func probeOpenat2() error {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	raw, err := unix.Openat2(unix.AT_FDCWD, "/", how)
	if err != nil {
		return wrap("openat2", err)
	}
	return unix.Close(raw)
}

func probeFsopen(fstype string) error {
	fs, err := Fsopen(fstype)
	if err != nil {
		return err
	}
	return fs.Close()
}

func probeOpenTree() error {
	null, err := OpenPath(os.DevNull) // a user namespace may not clone what others are mounted below
	if err != nil {
		return err
	}
	defer null.Close()
	return closing(CloneTree(null, "", false))
}

func probeMountSetattr() error {
	err := unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if errors.Is(err, unix.EBADF) {
		return nil // it knows the call
	}
	return wrap("mount_setattr", err)
}

func probeMemfd() error {
	return closing(SealedProgram("probe", func(io.Writer) error { return nil }))
}

// probePacket opens a socket. Who may open none in the machine's network opens it in a new one.
func probePacket() error {
	err := openPacket()
	if !errors.Is(err, ErrPerm) || InitialUserNS() {
		return err
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := wrap("unshare CLONE_NEWNET", unix.Unshare(unix.CLONE_NEWNET))
		if err == nil {
			err = openPacket()
		}
		done <- err
	}()
	return <-done
}

func openPacket() error {
	raw, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return wrap("socket AF_PACKET", err)
	}
	return unix.Close(raw)
}

// Needed are the capabilities that dlx can not do without.
var Needed = Caps(CapSysAdmin, CapSysPtrace, CapSysChroot, CapNetRaw, CapSetuid, CapSetgid, CapSetpcap, CapKill, CapDacOverride, CapChown)
