package linux

import (
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Waiter waits for descriptors to have something to read, and can be woken. The descriptors stay
// their owner's and have to be open as long as they are watched.
//
// It is an epoll that Go's own poller waits for. A blocking poll(2) costs more: a thread that
// enters a system call wakes the runtime's monitor, which then looks around every 20 µs while there
// is something to do. At a few wake-ups a second that took more CPU time than the packets.
type Waiter struct {
	epoll   *os.File
	conn    syscall.RawConn
	watched []int
	ready   []unix.EpollEvent
	events  []unix.EpollEvent
	woken   atomic.Bool
}

// NewWaiter makes a waiter for nothing but being woken.
func NewWaiter() (*Waiter, error) {
	raw, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, wrap("epoll_create1", err)
	}
	fd := NewFD(raw)
	if err := unix.SetNonblock(raw, true); err != nil { // else Go's poller would not take it
		return nil, errors.Join(wrap("fcntl O_NONBLOCK", err), fd.Close())
	}
	w := &Waiter{epoll: fd.File("epoll"), events: make([]unix.EpollEvent, 16)}
	if w.conn, err = w.epoll.SyscallConn(); err != nil {
		return nil, errors.Join(err, w.epoll.Close())
	}
	return w, nil
}

// Watch replaces the descriptors that are waited for.
func (w *Waiter) Watch(fds ...int) error {
	for _, fd := range w.watched {
		if !slices.Contains(fds, fd) {
			if err := w.control(unix.EPOLL_CTL_DEL, fd); err != nil {
				return err
			}
		}
	}
	for _, fd := range fds {
		if !slices.Contains(w.watched, fd) {
			if err := w.control(unix.EPOLL_CTL_ADD, fd); err != nil {
				return err
			}
		}
	}
	w.watched = append(w.watched[:0], fds...)
	return nil
}

func (w *Waiter) control(op, fd int) (err error) {
	cerr := w.conn.Control(func(epoll uintptr) {
		err = unix.EpollCtl(int(epoll), op, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	})
	return wrap("epoll_ctl", errors.Join(err, cerr))
}

// Wait returns when a descriptor is readable or has an error, on Wake, or after the limit.
func (w *Waiter) Wait(limit time.Duration) error {
	w.ready = w.ready[:0]
	if err := w.epoll.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return wrap("wait", err)
	}
	if w.woken.Load() {
		return nil
	}
	var errno error
	err := w.conn.Read(func(epoll uintptr) bool {
		var n int
		n, errno = poll(int(epoll), w.events)
		w.ready = w.events[:max(n, 0)]
		return n > 0 || errno != nil
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return wrap("epoll_wait", errors.Join(errno, err))
}

// poll takes what is ready. It does not wait, so the runtime need not know of the call.
func poll(epoll int, events []unix.EpollEvent) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, errno
}

// Ready says whether a descriptor can be read, or has an error, as of the last Wait.
func (w *Waiter) Ready(fd int) bool {
	return slices.ContainsFunc(w.ready, func(e unix.EpollEvent) bool { return int(e.Fd) == fd })
}

// TakeError returns and clears the error of a socket that the last Wait noticed; the next Wait
// would return at once with it. A packet socket reports ENETDOWN once, when its interface goes down
// or away (packet_notifier in net/packet/af_packet.c). If it comes up again, its packets come too.
func (w *Waiter) TakeError(fd int) error {
	failed := func(e unix.EpollEvent) bool { return int(e.Fd) == fd && e.Events&unix.EPOLLERR != 0 }
	if !slices.ContainsFunc(w.ready, failed) {
		return nil
	}
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || errno == 0 {
		return wrap("getsockopt SO_ERROR", err)
	}
	return wrap("socket", unix.Errno(errno))
}

// Wake makes Wait return, now and until Rest. It can be called from any goroutine.
func (w *Waiter) Wake() {
	w.woken.Store(true)
	_ = w.epoll.SetReadDeadline(time.Unix(1, 0)) // after Wait has set its own, or Wait sees that it was woken
}

// Rest makes Wait wait again after Wake.
func (w *Waiter) Rest() { w.woken.Store(false) }

// Close releases the waiter.
func (w *Waiter) Close() error { return w.epoll.Close() }
