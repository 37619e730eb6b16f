package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrNotTraceable reports that the kernel does not let this process trace another: a security
// module forbids it, such as Yama, or it lacks CAP_SYS_PTRACE.
var ErrNotTraceable = errors.New("the kernel does not let this process trace it")

// TraceKind is what a traced process has come to.
type TraceKind int

// The kinds. At each but the last the process is stopped, until it is resumed or let go.
const (
	TraceExec    TraceKind = iota + 1 // it executed a program, of which no instruction has run
	TraceStopped                      // as it was asked to
	TraceExit                         // it is about to end; memory, files and namespaces are there
	TraceFault                        // a fault is about to end it, where TraceExit was asked for
	TraceGone                         // it has ended, or only its first thread, and nothing more comes of it
)

// TraceEvent is what a traced process has come to.
type TraceEvent struct {
	Kind   TraceKind
	Status WaitStatus // of TraceExit: what its parent will be told; of TraceFault: the signal
	// Alone says of TraceExit that only the first thread ends: by itself, or since another one
	// executes a program.
	Alone bool
}

// Trace is another process that this one traces, on a thread of its own. Whatever ends the thread,
// kill -9 of this process included, the other one then goes on: PTRACE_O_EXITKILL is never set.
// Signals are passed on to it. What it forks is not traced.
//
// No fault ends the first process of a PID namespace while it is traced: the kernel has it run into
// the fault again, for ever (kernel/signal.c, force_sig_info_to_task). So it stands there. When it
// is let go, it runs into the fault once more, and that ends it.
type Trace struct {
	tracer
	kinds  map[TraceKind]bool
	events chan TraceEvent
	calls  chan func()
	quit   context.CancelFunc
	done   chan struct{}
	at     atomic.Pointer[TraceEvent] // that it stands at; nil: it runs
	asked  bool                       // to stop
}

// traceTick is how often a traced process is looked at although no SIGCHLD has come.
const traceTick = 500 * time.Millisecond

// callLimit is how long the tracer's thread may take to answer. It never waits for the process.
const callLimit = 10 * time.Second

// TraceProcess traces pidfd's process, whose number is pid, and tells of some kinds of events, and
// of TraceGone. It returns when the process is traced, which does not stop it. Errors are
// ErrTraced, ErrNoProcess and ErrNotTraceable, among others. Its owner closes the Trace.
func TraceProcess(ctx context.Context, pidfd *FD, pid int, kinds ...TraceKind) (*Trace, error) {
	held, err := pidfd.Dup() // the tracer may outlive its owner
	if err != nil {
		return nil, err
	}
	quitting, quit := context.WithCancel(context.Background())
	t := &Trace{
		tracer: tracer{ctx: quitting, pidfd: held, pid: pid}, kinds: map[TraceKind]bool{},
		events: make(chan TraceEvent, 1), calls: make(chan func()), quit: quit, done: make(chan struct{}),
	}
	for _, k := range kinds {
		t.kinds[k] = true
	}
	seized := make(chan error, 1)
	go onTracer(func() (detached bool) {
		defer close(t.done)
		defer held.Close()
		return t.run(seized)
	})
	select {
	case err = <-seized:
	case <-ctx.Done():
		err = ctx.Err() // PTRACE_SEIZE may wait for a frozen process; see SeccompFilters
	}
	if err != nil {
		quit()
		return nil, fmt.Errorf("trace process %d: %w", pid, err)
	}
	return t, nil
}

// Events tells what the process comes to, at most one event until it is resumed. The channel is
// closed behind TraceGone, and when the process is let go.
func (t *Trace) Events() <-chan TraceEvent { return t.events }

// run is the thread that traces.
func (t *Trace) run(seized chan<- error) (detached bool) {
	defer close(t.events)
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGCHLD) // a tracer is told as a parent is: ptrace(2)
	defer signal.Stop(told)
	options := 0
	if t.kinds[TraceExec] {
		options |= unix.PTRACE_O_TRACEEXEC
	}
	if t.kinds[TraceExit] {
		options |= unix.PTRACE_O_TRACEEXIT
	}
	err := t.seize(uintptr(options))
	if err == nil {
		err = PidfdSignal(t.pidfd, 0) // else it may be another's number
	}
	seized <- err
	if err != nil {
		return false
	}
	tick := time.NewTicker(traceTick)
	defer tick.Stop()
	for {
		for {
			again, gone := t.look()
			if gone {
				t.reap()
				return false
			}
			if !again {
				break
			}
		}
		select {
		case <-told:
		case <-tick.C:
		case f := <-t.calls:
			f()
		case <-t.ctx.Done():
			// One that runs may come to a signal meanwhile, which PTRACE_DETACH would take away.
			// The thread's end does not (kernel/ptrace.c, exit_ptrace).
			return t.Stands() && t.detach()
		}
	}
}

// look deals with what the process has come to, if anything, and says whether there may be more.
func (t *Trace) look() (again, gone bool) {
	info, err := t.peek()
	if errors.Is(err, unix.EINTR) {
		return true, false
	}
	if err != nil || info.code == cldExited || info.code == cldKilled || info.code == cldDumped {
		t.tell(TraceEvent{Kind: TraceGone})
		return false, true
	}
	if info.pid == 0 {
		if stat, err := StatProcess(t.pid); err != nil || !stat.Ended() {
			return false, false
		}
		// The first thread had passed TraceExit before it was traced, and the others go on: nobody
		// is told of its end before theirs (kernel/exit.c, delay_group_leader).
		t.tell(TraceEvent{Kind: TraceGone})
		return false, true
	}
	sig, event := unix.Signal(info.status&0xff), info.status>>8
	switch event {
	case 0:
		if t.standsAt(TraceFault) {
			return false, false
		}
		if t.kinds[TraceExit] && t.faulted(sig) {
			return t.standAt(TraceEvent{Kind: TraceFault, Status: WaitStatus(sig)}), false
		}
		return t.goOn(sig) == nil, false
	case unix.PTRACE_EVENT_EXEC:
		return t.standAt(TraceEvent{Kind: TraceExec}), false
	case unix.PTRACE_EVENT_EXIT:
		return t.standAt(t.ending()), false
	case unix.PTRACE_EVENT_STOP:
		// It is seen again whenever any child of this program's tells of something.
		if t.asked || t.standsAt(TraceStopped) {
			return t.standAt(TraceEvent{Kind: TraceStopped}), false
		}
		if sig != unix.SIGTRAP { // job control has stopped it, and it stays so
			return t.request(unix.PTRACE_LISTEN, 0) == nil, false
		}
	}
	return t.goOn(0) == nil, false
}

// Codes of SIGCHLD (asm-generic/siginfo.h).
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// peek looks what the process has come to. It leaves that in place: a signal that was taken from a
// process, and not given back, would be lost with this one (kernel/exit.c, wait_task_stopped).
func (t *Trace) peek() (info stopInfo, err error) {
	err = unix.Waitid(unix.P_PID, t.pid, (*unix.Siginfo)(unsafe.Pointer(&info)),
		unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT|unix.WNOHANG|unix.WALL|unix.WNOTHREAD, nil)
	return info, err
}

// reap hands the process, which has ended, to its parent (kernel/exit.c, wait_task_zombie).
func (t *Trace) reap() {
	_ = unix.Waitid(unix.P_PID, t.pid, nil, unix.WEXITED|unix.WNOHANG|unix.WALL|unix.WNOTHREAD, nil)
}

// goOn lets the stopped process go on, with a signal.
func (t *Trace) goOn(sig unix.Signal) error {
	t.at.Store(nil)
	return t.request(unix.PTRACE_CONT, uintptr(sig))
}

// standAt tells of an event once. The process stands there if it is of a kind that was asked for.
func (t *Trace) standAt(e TraceEvent) (again bool) {
	if t.standsAt(e.Kind) {
		return false
	}
	if !t.kinds[e.Kind] && e.Kind != TraceStopped && e.Kind != TraceFault {
		return t.goOn(0) == nil
	}
	t.asked = false
	t.at.Store(&e)
	t.tell(e)
	return false
}

// faulted says whether a signal is that of a fault which would end the process, the first one of a
// PID namespace, were it not traced.
func (t *Trace) faulted(sig unix.Signal) bool {
	switch sig {
	case unix.SIGSEGV, unix.SIGBUS, unix.SIGILL, unix.SIGFPE:
	default: // behind SIGTRAP and SIGSYS a process goes on
		return false
	}
	var info stopInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GETSIGINFO, uintptr(t.pid), 0, uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 || info.code <= 0 { // sigaction(2): those are another process's
		return false
	}
	status, err := ReadStatus(t.pid)
	if err != nil {
		return false
	}
	caught, cerr := status.Number("SigCgt", 16)
	numbers, nerr := status.Field("NSpid")
	return cerr == nil && nerr == nil && caught&(1<<(sig-1)) == 0 && strings.HasSuffix(numbers, "\t1")
}

// tell leaves an event to be taken. A newer one takes the place of one that nobody took.
func (t *Trace) tell(e TraceEvent) {
	select {
	case <-t.events:
	default:
	}
	t.events <- e
}

// ending reads what the process's parent will be told.
func (t *Trace) ending() TraceEvent {
	e := TraceEvent{Kind: TraceExit}
	if status, err := unix.PtraceGetEventMsg(t.pid); err == nil {
		e.Status = WaitStatus(status)
	}
	if !t.standsAt(TraceExit) {
		e.Alone = aloneIn(t.pid)
	}
	return e
}

// call has the tracer's thread do something: ptrace(2) takes requests of that thread alone.
func (t *Trace) call(f func() error) error {
	result := make(chan error, 1)
	limit := time.NewTimer(callLimit)
	defer limit.Stop()
	select {
	case t.calls <- func() { result <- f() }:
		return <-result
	case <-t.done:
		return ErrNoProcess
	case <-limit.C:
		return fmt.Errorf("process %d: %w", t.pid, errNoTracer)
	}
}

var errNoTracer = errors.New("its tracer does not answer")

// Standing is the event that the process is stopped at, if it is.
func (t *Trace) Standing() (e TraceEvent, stands bool) {
	if t == nil {
		return e, false
	}
	if at := t.at.Load(); at != nil {
		return *at, true
	}
	return e, false
}

// Stands says whether the process is stopped at an event.
func (t *Trace) Stands() bool {
	_, stands := t.Standing()
	return stands
}

func (t *Trace) standsAt(kind TraceKind) bool {
	e, stands := t.Standing()
	return stands && e.Kind == kind
}

// Resume lets the process go on from where it stands. It is still traced.
func (t *Trace) Resume() error {
	return t.call(func() error { return wrap("ptrace CONT", t.goOn(0)) })
}

// Interrupt has the process stop wherever it is, which is a TraceStopped.
func (t *Trace) Interrupt() error {
	return t.call(func() error {
		t.asked = true
		return wrap("ptrace INTERRUPT", t.request(unix.PTRACE_INTERRUPT, 0))
	})
}

// Leave lets the process go from where it stands, stopped as by SIGSTOP, which it has as soon as it
// would run: another one can trace it then. SIGCONT has it go on.
func (t *Trace) Leave() error {
	err := t.call(func() error {
		if err := PidfdSignal(t.pidfd, SIGSTOP); err != nil {
			return err
		}
		err := wrap("ptrace DETACH", t.request(unix.PTRACE_DETACH, 0))
		if err != nil { // it was killed
			return errors.Join(err, PidfdSignal(t.pidfd, SIGCONT))
		}
		t.at.Store(nil)
		return nil
	})
	t.Close()
	return err
}

// SeccompFilters is the function of that name for the process, which has to stand.
func (t *Trace) SeccompFilters() (filters []SeccompProgram, err error) {
	err = t.call(func() error {
		filters, err = tracedFilters(t.pid, t.ctx.Err)
		return err
	})
	return filters, err
}

// Close lets the process go on as if it had never been traced. Closing twice does nothing.
func (t *Trace) Close() {
	if t == nil {
		return
	}
	t.quit()
	<-t.done
}

// SignalName is a signal's name, such as "SIGSEGV", or its number.
func SignalName(sig Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(sig))
}
