package linux

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"dlx/internal/failpoint"
)

// A plan crosses a socket as a header and then its parts, in words of the machine's. The header's
// message carries the descriptors (unix(7), SCM_RIGHTS). The answer is the child's pidfd, and one
// word for each thing that happened.

// maxPlanWords and maxPlanFiles bound what is taken from the socket: a session's arguments and
// variables take 2 MiB at most.
const (
	maxPlanWords = 1 << 20
	maxPlanFiles = 64
)

// What an answer's first word says.
const (
	answerStarted = iota + 1 // PID, and the pidfd
	answerFailed             // step, errno
	answerError              // no step: errno
	answerEnded              // wait status
)

const answerWords = 3

// errBadPlan is a plan that no other part of dlx has written.
var errBadPlan = errors.New("not a plan")

// Pair makes the two ends of a socket for plans. The second one is for another process, which
// somebody may stop: nothing on the first one waits for longer than a limit.
func Pair() (ours *FD, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, wrap("socketpair", err)
	}
	ours, theirs = NewFD(pair[0]), os.NewFile(uintptr(pair[1]), "socket")
	limit := unix.NsecToTimeval(answerLimit.Nanoseconds())
	for _, option := range []int{unix.SO_SNDTIMEO, unix.SO_RCVTIMEO} { // a long plan fills the socket
		if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, option, &limit); err != nil {
			return nil, nil, errors.Join(wrap("setsockopt", err), ours.Close(), theirs.Close())
		}
	}
	return ours, theirs, nil
}

// ErrServerEnded reports that the process which was to run a plan has ended before it answered.
var ErrServerEnded = errors.New("the process that runs plans has ended")

// serverEnded adds ErrServerEnded to errors of a socket whose other end is closed. ECONNRESET says
// that not all was read there (unix(7)).
func serverEnded(err error) error {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, unix.EPIPE, unix.ECONNRESET} {
		if errors.Is(err, end) {
			return fmt.Errorf("%w: %w", ErrServerEnded, err)
		}
	}
	return err
}

// ForkBy has the process at the other end of a socket run the plan, by ServePlans. The child is its
// child. A step that fails is a *StepError, and the other process's end ErrServerEnded. It ends
// with ctx: whoever can see the child may have stopped it before it executes its program.
func (p *Plan) ForkBy(ctx context.Context, conn *FD) (pid int, pidfd *FD, err error) {
	defer p.release() //nolint:errcheck // the other process has copies
	if p.err != nil {
		return 0, nil, p.err
	}
	if err := p.send(conn); err != nil {
		return 0, nil, fmt.Errorf("send the plan: %w", serverEnded(err))
	}
	failpoint.At("plan.sent")
	var words []uint64
	var fds []*FD
	if err = readable(ctx, conn, answerLimit); err == nil {
		words, fds, err = receive(conn, answerWords)
	}
	if err == nil && (words[0] == answerStarted) != (len(fds) == 1) {
		err = errBadPlan
	}
	if err != nil {
		return 0, nil, errors.Join(fmt.Errorf("read the answer to the plan: %w", serverEnded(err)), CloseAll(fds...))
	}
	switch words[0] {
	case answerStarted:
		return int(words[1]), fds[0], nil
	case answerFailed:
		return 0, nil, p.stepError(&failure{int(words[1]), unix.Errno(words[2])})
	}
	return 0, nil, fmt.Errorf("fork: %w", unix.Errno(words[2]))
}

// answerLimit is how long the other process may take to answer, which somebody may have stopped.
var answerLimit = 20 * time.Second

// lookEvery is how often it is asked meanwhile whether ctx has ended.
const lookEvery = 50 * time.Millisecond

func readable(ctx context.Context, conn *FD, limit time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(conn.Int()), Events: unix.POLLIN}}
	for until := time.Now().Add(limit); ; {
		n, err := retry(func() (int, error) { return unix.Poll(fds, int(lookEvery.Milliseconds())) })
		switch {
		case err != nil || n > 0:
			return wrap("poll", err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Now().After(until):
			return os.ErrDeadlineExceeded
		}
	}
}

// Quiet says whether the process at the other end of a socket is there, and has said nothing.
func Quiet(conn *FD) bool {
	n, err := retry(func() (int, error) { return unix.Poll([]unix.PollFd{{Fd: int32(conn.Int()), Events: unix.POLLIN}}, 0) })
	return n == 0 && err == nil
}

// Ended waits for the news that the child of ForkBy has ended and been reaped, up to a limit. The
// socket's end is io.EOF.
func Ended(conn *FD, limit time.Duration) (WaitStatus, error) {
	if err := readable(context.Background(), conn, limit); err != nil {
		return 0, err
	}
	words, fds, err := receive(conn, answerWords)
	if err != nil || words[0] != answerEnded {
		return 0, errors.Join(err, CloseAll(fds...))
	}
	return WaitStatus(words[1]), nil
}

// ServePlans runs the plans that come on the socket, tells of each child and of its end, and reaps
// it. It returns nil when the socket ends. Before a plan is run, look is shown its descriptors.
func ServePlans(conn *FD, look func(fds []*FD)) error {
	for {
		p, err := readPlan(conn)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			look(p.fds)
			err = p.serve(conn)
		}
		if err != nil {
			return err
		}
	}
}

func (p *Plan) serve(conn *FD) error {
	failpoint.At("plan.read")
	pid, failed, err := p.fork()
	failpoint.At("plan.forked")
	if err = errors.Join(err, CloseAll(p.fds...)); err != nil {
		errno := unix.EIO
		_ = errors.As(err, &errno)
		return send(conn, nil, answerError, 0, uint64(errno))
	}
	if failed != nil {
		return send(conn, nil, answerFailed, uint64(failed.step), uint64(failed.errno))
	}
	pidfd, err := PidfdOpen(pid)
	if err != nil {
		return err
	}
	go func() {
		defer pidfd.Close()
		if send(conn, []*FD{pidfd}, answerStarted, uint64(pid), 0) == nil {
			failpoint.At("plan.answered")
			ws, _ := Wait(pid)
			failpoint.At("plan.reaped")
			_ = send(conn, nil, answerEnded, uint64(ws), 0) // dlx may have ended first
		}
	}()
	return nil
}

// send writes words, with descriptors beside the first of them.
func send(conn *FD, fds []*FD, words ...uint64) error {
	return sendBytes(conn, fds, appendWords(make([]byte, 0, len(words)*wordSize), words...))
}

func appendWords(b []byte, words ...uint64) []byte {
	for _, w := range words {
		b = binary.NativeEndian.AppendUint64(b, w)
	}
	return b
}

func sendBytes(conn *FD, fds []*FD, b []byte) error {
	var rights []byte
	if len(fds) > 0 {
		raw := make([]int, len(fds))
		for i, fd := range fds {
			raw[i] = fd.Int()
		}
		rights = unix.UnixRights(raw...)
	}
	for len(b) > 0 {
		n, err := retry(func() (int, error) { return unix.SendmsgN(conn.Int(), b, rights, nil, unix.MSG_NOSIGNAL) })
		if err != nil {
			return wrap("sendmsg", err)
		}
		b, rights = b[n:], nil
	}
	return nil
}

// receive reads n words and the descriptors beside them.
func receive(conn *FD, n int) (words []uint64, fds []*FD, err error) {
	b, fds, err := receiveBytes(conn, n*wordSize)
	if err != nil {
		return nil, fds, err
	}
	words = make([]uint64, n)
	for i := range words {
		words[i] = wordAt(b, i)
	}
	return words, fds, nil
}

// wordAt is the word of that index.
func wordAt(b []byte, i int) uint64 { return binary.NativeEndian.Uint64(b[i*wordSize:]) }

func receiveBytes(conn *FD, n int) (b []byte, fds []*FD, err error) {
	b = make([]byte, n)
	rights := make([]byte, unix.CmsgSpace(maxPlanFiles*4))
	for done := 0; done < len(b); {
		got, space := 0, 0
		_, err := retry(func() (_ int, err error) {
			got, space, _, _, err = unix.Recvmsg(conn.Int(), b[done:], rights, unix.MSG_CMSG_CLOEXEC)
			return got, err
		})
		fds = append(fds, rightsOf(rights[:space])...)
		switch {
		case err != nil:
			return nil, fds, wrap("recvmsg", err)
		case got == 0 && done == 0:
			return nil, fds, io.EOF
		case got == 0:
			return nil, fds, io.ErrUnexpectedEOF
		}
		done += got
	}
	return b, fds, nil
}

func rightsOf(data []byte) (fds []*FD) {
	messages, err := unix.ParseSocketControlMessage(data)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		raw, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range raw {
			fds = append(fds, NewFD(fd))
		}
	}
	return fds
}

// planHead is how many words tell of a plan's size: steps, words of memory, links, and the cgroup.
const planHead = 4

// stepWords are those of a step: its number, its flags, and two an argument.
const stepWords = 2 + 2*6

// Flags of a step.
const (
	stepForks = 1 << iota
	stepOptional
)

// send writes the plan in one piece of its final size: each page that either side touches for it
// costs a fault.
func (p *Plan) send(conn *FD) error {
	p.bytes(nil) // fills the memory up to whole words
	b := make([]byte, 0, (planHead+len(p.steps)*stepWords+len(p.links))*wordSize+len(p.memory))
	b = appendWords(b, uint64(len(p.steps)), uint64(len(p.memory)/wordSize), uint64(len(p.links)), uint64(p.cgroup))
	for _, s := range p.steps {
		flags := uint64(0)
		if s.fork {
			flags |= stepForks
		}
		if s.optional {
			flags |= stepOptional
		}
		b = appendWords(b, uint64(s.nr), flags)
		for _, arg := range s.args {
			b = appendWords(b, uint64(arg.kind), arg.value)
		}
	}
	b = append(b, p.memory...)
	for _, at := range p.links {
		b = appendWords(b, uint64(at))
	}
	return sendBytes(conn, p.fds, b)
}

// readPlan reads what send has written. The other end is dlx itself; the bounds keep a mistake from
// becoming a wrong call.
func readPlan(conn *FD) (*Plan, error) {
	head, fds, err := receive(conn, planHead)
	p := &Plan{fds: fds}
	if err == nil {
		err = p.read(conn, head)
	}
	if err != nil {
		return nil, errors.Join(err, CloseAll(p.fds...))
	}
	return p, nil
}

func (p *Plan) read(conn *FD, head []uint64) error {
	steps, memory, links := head[0], head[1], head[2]
	if steps == 0 || steps > maxPlanWords || memory > maxPlanWords || links > maxPlanWords || head[3] > uint64(len(p.fds)) {
		return errBadPlan
	}
	p.cgroup = int(head[3])
	b, fds, err := receiveBytes(conn, int(steps*stepWords+memory+links)*wordSize)
	p.fds = append(p.fds, fds...)
	if err != nil {
		return err
	}
	p.steps = make([]planStep, steps)
	for i := range p.steps {
		s := &p.steps[i]
		s.nr, s.fork, s.optional = uintptr(wordAt(b, 0)), wordAt(b, 1)&stepForks != 0, wordAt(b, 1)&stepOptional != 0
		for n := range s.args {
			s.args[n] = planArg{argKind(wordAt(b, 2+2*n)), wordAt(b, 3+2*n)}
			if !s.args[n].within(memory*wordSize, uint64(len(p.fds))) {
				return errBadPlan
			}
		}
		b = b[stepWords*wordSize:]
	}
	p.memory, b = b[:memory*wordSize:memory*wordSize], b[memory*wordSize:]
	p.links = make([]int, links)
	for i := range p.links {
		at := wordAt(b, i)
		if at%wordSize != 0 || at >= memory*wordSize {
			return errBadPlan
		}
		p.links[i] = int(at)
	}
	return nil
}

// within says whether the argument refers to so many bytes of memory, or to so many descriptors.
func (a planArg) within(memory, fds uint64) bool {
	switch a.kind {
	case argMemory:
		return a.value <= memory
	case argFile:
		return a.value < fds
	}
	return true
}
