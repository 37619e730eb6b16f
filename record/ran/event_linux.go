package ran

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Bounds of what the kernel copies of a program, in bytes.
const (
	maxPath  = 512
	maxInner = 256 // of an interpreter's path
	maxName  = 64
	maxArgs  = 4096
	maxEvent = execHead + maxPath + maxInner + maxName + maxArgs
)

// Offsets in an event. Both kinds begin alike.
const (
	atMark = 0
	atTime = 8  // CLOCK_MONOTONIC, ns
	atKind = 16 // one of the kinds
	atPID  = 20

	atCode   = 24 // of an end
	atAll    = 28
	exitHead = 32

	atParent    = 24 // of a start
	atUID       = 28
	atGID       = 32
	atEUID      = 36
	atWhole     = 40 // bytes that the arguments have
	atArgs      = 44 // and that are here
	atPathLen   = 48
	atInnerLen  = 52
	atNameLen   = 56
	atUnread    = 60 // the arguments could not be read
	atInode     = 64
	atDevice    = 72
	execHead    = 80
	kindStarted = 1
	kindEnded   = 2
)

// event is what the kernel tells: of a program that a process has started, or of a process's end.
type event struct {
	mark    uint64
	time    uint64
	pid     uint32
	started *started
	status  uint32 // as wait(2) has it
}

// started is a program. Its texts may hold any byte but NUL.
type started struct {
	parent, uid, gid, euid  uint32
	path, interpreter, name string
	pathCut                 bool
	inode                   uint64
	device                  uint32 // as the kernel has it: 20 bits of a minor number
	args                    []string
	whole                   int // bytes of all arguments, where args is their beginning; else 0
	unread                  bool
}

// parseEvent reads one. It returns nil if there is none.
func parseEvent(b []byte) *event {
	o := binary.NativeEndian
	if len(b) < exitHead {
		return nil
	}
	e := &event{mark: o.Uint64(b[atMark:]), time: o.Uint64(b[atTime:]), pid: o.Uint32(b[atPID:])}
	switch o.Uint32(b[atKind:]) {
	case kindEnded:
		e.status = o.Uint32(b[atAll:])
		if e.status == 0 {
			e.status = o.Uint32(b[atCode:])
		}
		return e
	case kindStarted:
	default:
		return nil
	}
	if len(b) < execHead {
		return nil
	}
	e.started = &started{
		parent: o.Uint32(b[atParent:]), uid: o.Uint32(b[atUID:]), gid: o.Uint32(b[atGID:]), euid: o.Uint32(b[atEUID:]),
		inode: o.Uint64(b[atInode:]), device: o.Uint32(b[atDevice:]), unread: o.Uint32(b[atUnread:]) != 0,
	}
	text := b[execHead:]
	parts := make([][]byte, 0, 4)
	for _, at := range []int{atPathLen, atInnerLen, atNameLen, atArgs} {
		n := o.Uint32(b[at:])
		if uint64(n) > uint64(len(text)) {
			return nil
		}
		parts = append(parts, text[:n])
		text = text[n:]
	}
	s := e.started
	s.path, s.interpreter, s.name = upToNUL(parts[0]), upToNUL(parts[1]), upToNUL(parts[2])
	s.pathCut = len(s.path) == maxPath-1
	s.args = split(parts[3])
	if whole := o.Uint32(b[atWhole:]); uint64(whole) > uint64(len(parts[3])) {
		s.whole = int(min(whole, math.MaxInt32))
	}
	return e
}

func upToNUL(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

// split takes arguments apart, each of which ends with a NUL byte; the last one may be cut.
func split(b []byte) (args []string) {
	if len(b) == 0 {
		return nil
	}
	for part := range bytes.SplitSeq(bytes.TrimSuffix(b, []byte{0}), []byte{0}) {
		args = append(args, string(part))
	}
	return args
}
