package linux

import (
	"time"

	"golang.org/x/sys/unix"
)

// Readable says whether a descriptor can be read, for which it waits no longer than the limit.
func Readable(fd int, limit time.Duration) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := retry(func() (int, error) { return unix.Poll(fds, int(limit.Milliseconds())) })
	return n > 0, wrap("poll", err)
}

// AskKernel sends a message to the kernel alone by a netlink socket (netlink(7)).
func AskKernel(socket int, message []byte) error {
	return wrap("sendto netlink", unix.Sendto(socket, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
}
