package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"

	"dlx/internal/linux"
)

// diag asks the kernel about single sockets of a network namespace (sock_diag(7)). The kernel finds
// them as it does for packets, in a hash table: the time does not depend on how many there are.
type diag struct {
	socket   *nl.NetlinkSocket
	sequence uint32
}

// openDiag opens the socket in the calling thread's network namespace.
func openDiag() (*diag, error) {
	socket, err := nl.Subscribe(syscall.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open a sock_diag socket: %w", err)
	}
	return &diag{socket: socket}, nil
}

func (d *diag) close() { d.socket.Close() }

// request is struct inet_diag_req_v2 (linux/inet_diag.h).
type request [56]byte

func (r *request) Len() int          { return len(r) }
func (r *request) Serialize() []byte { return r[:] }

// newRequest asks for one socket. UDP's is looked up as for a packet that comes
// in, from the remote end to the local one (udp_dump_one in net/ipv4/udp_diag.c).
// TCP's is looked up the other way round.
func newRequest(f *Flow) *request {
	from, to := f.Local, f.Remote
	if f.Protocol == UDP {
		from, to = to, from
	}
	var r request
	r[0], r[1] = syscall.AF_INET, f.Protocol
	if from.Addr().Is6() {
		r[0] = syscall.AF_INET6
	}
	binary.NativeEndian.PutUint32(r[4:], ^uint32(0)) // in any state
	binary.BigEndian.PutUint16(r[8:], from.Port())
	binary.BigEndian.PutUint16(r[10:], to.Port())
	copy(r[12:], from.Addr().AsSlice())
	copy(r[28:], to.Addr().AsSlice())
	binary.NativeEndian.PutUint32(r[44:], f.Interface)
	binary.NativeEndian.PutUint64(r[48:], ^uint64(0)) // INET_DIAG_NOCOOKIE
	return &r
}

// answerTime bounds the wait for an answer, which the kernel has made before the question is sent.
const answerTime = 100 * time.Millisecond

// answerInode is where struct inet_diag_msg has the inode.
const answerInode = 68

// inode returns the inode of a flow's socket: 0 without a socket or without a process that has it.
func (d *diag) inode(f *Flow) (uint64, error) {
	req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, 0)
	d.sequence++
	req.Seq = d.sequence
	req.AddData(newRequest(f))
	if err := d.socket.Send(req); err != nil {
		return 0, fmt.Errorf("ask for a socket: %w", err)
	}
	for {
		ready, err := linux.Readable(d.socket.GetFd(), answerTime)
		if err == nil && !ready {
			err = os.ErrDeadlineExceeded
		}
		if err != nil {
			return 0, fmt.Errorf("ask for a socket: %w", err)
		}
		messages, from, err := d.socket.Receive()
		if err != nil {
			return 0, fmt.Errorf("ask for a socket: %w", err)
		}
		if len(messages) == 1 && from.Pid == nl.PidKernel && messages[0].Header.Seq == d.sequence {
			return inodeOf(&messages[0])
		}
	}
}

// inodeOf takes the inode out of an answer. That there is no such socket is an error of the
// kernel's, but none here.
func inodeOf(m *syscall.NetlinkMessage) (uint64, error) {
	switch {
	case m.Header.Type == syscall.NLMSG_ERROR && len(m.Data) >= 4:
		errno := syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
		if errors.Is(errno, syscall.ENOENT) {
			return 0, nil
		}
		return 0, fmt.Errorf("ask for a socket: %w", errno)
	case m.Header.Type != nl.SOCK_DIAG_BY_FAMILY || len(m.Data) < answerInode+4:
		return 0, fmt.Errorf("ask for a socket: answer of type %d with %d bytes", m.Header.Type, len(m.Data))
	}
	return uint64(binary.NativeEndian.Uint32(m.Data[answerInode:])), nil
}

// listener is the flow that only a listening socket at the local end fits.
func (f *Flow) listener() *Flow {
	none := netip.IPv4Unspecified()
	if f.Local.Addr().Is6() {
		none = netip.IPv6Unspecified()
	}
	return &Flow{Protocol: f.Protocol, Interface: f.Interface, Local: f.Local, Remote: netip.AddrPortFrom(none, 0)}
}
