package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Births tells of the processes of the whole host that are forked (linux/cn_proc.h).
type Births struct{ file *os.File }

// ErrBirthsLost reports that more processes were forked than could be told of.
var ErrBirthsLost = errors.New("processes were forked that nothing was told of")

// ErrNoBirths reports a kernel that tells nothing of processes here: it was built without
// CONFIG_PROC_EVENTS, or this process is not in the host's own network, PID or user namespace.
var ErrNoBirths = errors.New("the kernel does not tell this process of those that are forked")

// Numbers of the process events connector (linux/connector.h, linux/cn_proc.h).
const (
	connectorIndex = 1 // CN_IDX_PROC, a group of multicast
	connectorValue = 1 // CN_VAL_PROC
	connectorHead  = 20
	multicastOn    = 1
	multicastOff   = 2
	eventFork      = 1
	eventHead      = 16
	forkSize       = 16
)

// Offsets in a message, of the event's kind and of the child's thread and process.
const (
	birthKind    = unix.NLMSG_HDRLEN + connectorHead
	birthThread  = birthKind + eventHead + 8
	birthProcess = birthKind + eventHead + 12
)

// birthsBuffer is room for what happens while this process does not run, some thousand forks.
const birthsBuffer = 8 << 20

// answerWait is how long the kernel may take to confirm. It does so at once, or never.
const answerWait = 5 * time.Second

// WatchBirths begins to watch: of every process that is forked when it has returned is told.
// Its owner closes it. It takes CAP_NET_ADMIN. An error is ErrNoBirths, among others.
func WatchBirths() (*Births, error) {
	raw, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoBirths, wrap("socket NETLINK_CONNECTOR", err))
	}
	b := &Births{NewFD(raw).File("process events")}
	if err := b.begin(raw); err != nil {
		return nil, errors.Join(err, b.file.Close())
	}
	return b, nil
}

// begin has the kernel tell. It does so in the first network namespace alone: in another one nobody
// is at the other end (drivers/connector, cn_init).
func (b *Births) begin(raw int) error {
	if err := unix.Bind(raw, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (connectorIndex - 1)}); err != nil {
		return fmt.Errorf("%w: %w", ErrNoBirths, wrap("bind netlink", err))
	}
	if err := unix.SetsockoptInt(raw, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, birthsBuffer); err != nil {
		return wrap("setsockopt SO_RCVBUFFORCE", err)
	}
	err := b.order(multicastOn)
	if errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("%w: not in this network namespace: %w", ErrNoBirths, err)
	}
	if err != nil {
		return err
	}
	return b.confirmed(raw)
}

// order switches the telling on or off.
func (b *Births) order(what uint32) error {
	msg := make([]byte, birthKind+4)
	o := binary.NativeEndian
	o.PutUint32(msg, uint32(len(msg)))
	o.PutUint16(msg[4:], unix.NLMSG_DONE)
	o.PutUint32(msg[unix.NLMSG_HDRLEN:], connectorIndex)
	o.PutUint32(msg[unix.NLMSG_HDRLEN+4:], connectorValue)
	o.PutUint16(msg[unix.NLMSG_HDRLEN+16:], 4) // of data
	o.PutUint32(msg[birthKind:], what)
	_, err := b.file.Write(msg)
	return err
}

// confirmed waits for the kernel's confirmation, or for the first event, and leaves out all events
// that are not of processes which are forked.
func (b *Births) confirmed(raw int) error {
	if err := b.file.SetReadDeadline(time.Now().Add(answerWait)); err != nil {
		return err
	}
	var buf [birthProcess + 64]byte
	if _, err := b.file.Read(buf[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrNoBirths, err)
	}
	code, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: birthKind, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: hostOrder(eventFork), SkipTrue: 5},
		bpf.LoadAbsolute{Off: birthThread, Size: 4},
		bpf.TAX{},
		bpf.LoadAbsolute{Off: birthProcess, Size: 4},
		bpf.JumpIfX{Cond: bpf.JumpNotEqual, SkipTrue: 1}, // a thread
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{},
	})
	if err != nil {
		return err
	}
	return wrap("setsockopt SO_ATTACH_FILTER", unix.SetsockoptSockFprog(raw, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, sockFprog(code)))
}

// hostOrder is a number of the host's as classic BPF loads it, which takes all for big-endian.
func hostOrder(n uint32) uint32 {
	return binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, n))
}

// Next waits for processes until a time, and returns their numbers; each may have ended since. None
// is told of before that time. An error is ErrBirthsLost, after which it goes on, among others.
func (b *Births) Next(until time.Time) ([]int, error) {
	if err := b.file.SetReadDeadline(until); err != nil {
		return nil, err
	}
	var buf [4096]byte
	n, err := b.file.Read(buf[:])
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, nil
	case errors.Is(err, unix.ENOBUFS):
		return nil, ErrBirthsLost
	case err != nil:
		return nil, err
	}
	return parseBirths(buf[:n]), nil
}

// parseBirths finds the processes in messages of the kernel's.
func parseBirths(data []byte) (pids []int) {
	o := binary.NativeEndian
	for len(data) >= unix.NLMSG_HDRLEN {
		size := int(o.Uint32(data))
		if size < unix.NLMSG_HDRLEN || size > len(data) {
			return pids
		}
		if size >= birthKind+eventHead+forkSize && o.Uint32(data[birthKind:]) == eventFork {
			thread, process := int32(o.Uint32(data[birthThread:])), int32(o.Uint32(data[birthProcess:]))
			if thread == process && process > 0 {
				pids = append(pids, int(process))
			}
		}
		data = data[min(len(data), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return pids
}

// Close ends the watching. Older kernels go on telling nobody unless they are asked not to.
func (b *Births) Close() error { return errors.Join(b.order(multicastOff), b.file.Close()) }
