package linux_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/linux"
	"dlx/internal/testutil"

	"golang.org/x/sys/unix"
)

// shell starts a script and returns when it has printed a line.
func shell(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(testutil.RequireTool(t, "bash"), "-c", script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func traced(t *testing.T, pid int, kinds ...linux.TraceKind) *linux.Trace {
	t.Helper()
	tr, err := linux.TraceProcess(t.Context(), pidfd(t, pid), pid, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

func event(t *testing.T, tr *linux.Trace) linux.TraceEvent {
	t.Helper()
	select {
	case e, ok := <-tr.Events():
		if !ok {
			t.Fatal("the process was let go")
		}
		return e
	case <-time.After(copyLimit):
		t.Fatal("nothing happens")
	}
	return linux.TraceEvent{}
}

// TestTraceExit: however a process ends, its memory and files are there when its end is told, and
// its parent learns of it as it was.
func TestTraceExit(t *testing.T) {
	testutil.RequireRoot(t)
	for script, want := range map[string]string{
		"echo; read; exit 3":            "exit status 3",
		"echo; read; kill -KILL $$":     "signal: killed",
		"echo; read; kill -SEGV $$":     "signal: segmentation fault",
		"echo; read; kill -TERM $$":     "signal: terminated",
		"echo; exec sh -c 'read x; a;'": "exit status 127",
		"echo; read; exec sh -c false":  "exit status 1",
	} {
		t.Run(script, func(t *testing.T) {
			cmd := exec.Command(testutil.RequireTool(t, "bash"), "-c", "ulimit -c 0;"+script)
			in, _ := cmd.StdinPipe()
			out, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill() //nolint:errcheck // it may have ended
			_, _ = out.Read(make([]byte, 1))
			pid := cmd.Process.Pid
			tr := traced(t, pid, linux.TraceExit)
			_ = in.Close()
			e := event(t, tr)
			if e.Kind != linux.TraceExit || e.Alone {
				t.Errorf("%+v", e)
			}
			if maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid)); len(maps) == 0 || err != nil {
				t.Errorf("no memory: %v", err)
			}
			if fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); len(fds) < 3 || err != nil {
				t.Errorf("no files: %v", err)
			}
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			if again, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid)); len(again) == 0 || err != nil {
				t.Errorf("SIGKILL ends the hold: %v", err)
			}
			tr.Close()
			err := cmd.Wait()
			if err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if uint32(ws) != uint32(e.Status) {
				t.Errorf("told %x, was %x", uint32(e.Status), uint32(ws))
			}
		})
	}
}

// TestTraceLetsGo: a process that is let go runs on, whatever it was doing.
func TestTraceLetsGo(t *testing.T) {
	testutil.RequireRoot(t)
	var out testutil.Output
	cmd := exec.Command(testutil.RequireTool(t, "bash"), "-c", "trap : USR1; trap 'echo last' USR2; echo; while :; do sleep 0.01; done")
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()         //nolint:errcheck // it is killed
	defer cmd.Process.Kill() //nolint:errcheck // the same
	testutil.Wait(t, "it to begin", copyLimit, func() bool { return out.String() != "" })
	pid := cmd.Process.Pid
	tr := traced(t, pid, linux.TraceExit, linux.TraceExec)
	for range 100 {
		if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
	}
	tr.Close()
	waitUntraced(t, pid)
	_ = cmd.Process.Signal(syscall.SIGUSR2)
	testutil.Wait(t, "an answer", copyLimit, func() bool { return strings.Contains(out.String(), "last") })
}

// TestTraceStopped: a process that job control has stopped stays so, and goes on with SIGCONT.
func TestTraceStopped(t *testing.T) {
	testutil.RequireRoot(t)
	cmd := shell(t, "echo; while :; do sleep 0.01; done")
	pid := cmd.Process.Pid
	tr := traced(t, pid, linux.TraceExit)
	stays := func(states string) {
		t.Helper()
		const often = 20
		n := 0
		testutil.Wait(t, "state "+states, copyLimit, func() bool {
			if n++; !strings.Contains(states, status(t, pid, "State")[:1]) {
				n = 0
			}
			return n == often
		})
	}
	for range 3 {
		_ = cmd.Process.Signal(syscall.SIGSTOP)
		stays("Tt")
		_ = cmd.Process.Signal(syscall.SIGCONT)
		stays("SR")
	}
	_ = cmd.Process.Signal(syscall.SIGSTOP)
	stays("Tt")
	tr.Close()
	waitUntraced(t, pid)
	stays("T")
}

// TestTraceTwice: what another one traces can not be traced.
func TestTraceTwice(t *testing.T) {
	testutil.RequireRoot(t)
	pid := shell(t, "echo; while :; do sleep 0.01; done").Process.Pid
	traced(t, pid, linux.TraceExit)
	_, err := linux.TraceProcess(t.Context(), pidfd(t, pid), pid, linux.TraceExit)
	if !errors.Is(err, linux.ErrTraced) {
		t.Errorf("%v, want ErrTraced", err)
	}
}

// TestTraceExec: a program that was executed has run no instruction, and one that is left stopped
// can be traced by another, and goes on with SIGCONT.
func TestTraceExec(t *testing.T) {
	testutil.RequireRoot(t)
	strace := testutil.RequireTool(t, "strace")
	cmd := exec.Command(testutil.RequireTool(t, "bash"), "-c", "echo; read; exec true")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 1))
	pid := cmd.Process.Pid
	tr := traced(t, pid, linux.TraceExec)
	_ = in.Close()
	if e := event(t, tr); e.Kind != linux.TraceExec {
		t.Fatalf("%+v", e)
	}
	if err := tr.Leave(); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "it to stop", copyLimit, func() bool { return status(t, pid, "State")[:1] == "T" })
	log := t.TempDir() + "/log"
	tracer := exec.Command(strace, "-o", log, "-p", fmt.Sprint(pid))
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "strace", copyLimit, func() bool { return status(t, pid, "TracerPid") != "0" })
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tracer.Wait(), cmd.Wait()); err != nil {
		t.Error(err)
	}
	text, _ := os.ReadFile(log)
	lines := strings.Split(string(text), "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], "---") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "brk(NULL)") {
		t.Errorf("not from the loader's first call on:\n%s", text)
	}
}

// TestTraceThreads: another thread that executes a program, or goes on by itself, is no end.
func TestTraceThreads(t *testing.T) {
	testutil.RequireRoot(t)
	for how, alone := range map[string]bool{"exit=4": false, "execute=exit=4": true, "leave": true} {
		t.Run(how, func(t *testing.T) {
			cmd := ender(t, nil, how)
			pid := cmd.Process.Pid
			tr := traced(t, pid, linux.TraceExit)
			_ = cmd.Process.Signal(syscall.SIGUSR1)
			if e := event(t, tr); e.Kind != linux.TraceExit || e.Alone != alone {
				t.Errorf("%+v", e)
			}
			tr.Close()
		})
	}
}

// TestTraceFault: the first process of a PID namespace stands at a fault that would end it, and is
// ended by it when it is let go, whichever way.
func TestTraceFault(t *testing.T) {
	testutil.RequireRoot(t)
	for name, letGo := range map[string]func(*linux.Trace, *linux.FD) error{
		"closed": func(tr *linux.Trace, _ *linux.FD) error { tr.Close(); return nil },
		"left": func(tr *linux.Trace, fd *linux.FD) error {
			return errors.Join(tr.Leave(), linux.PidfdSignal(fd, linux.SIGCONT))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := ender(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}, "segv")
			pid := cmd.Process.Pid
			fd := pidfd(t, pid)
			tr := traced(t, pid, linux.TraceExit)
			_ = cmd.Process.Signal(syscall.SIGUSR1)
			if e := event(t, tr); e.Kind != linux.TraceFault || linux.Signal(e.Status) != syscall.SIGSEGV {
				t.Errorf("%+v", e)
			}
			if err := letGo(tr, fd); err != nil {
				t.Fatal(err)
			}
			err := cmd.Wait()
			if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signal() != syscall.SIGSEGV {
				t.Errorf("it ended by %v", err)
			}
		})
	}
}

// ender starts a program that ends in some way when it gets SIGUSR1.
func ender(t *testing.T, attr *syscall.SysProcAttr, how string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program(t, "ender"), "-wait", how)
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	testutil.Wait(t, "it to be ready", copyLimit, func() bool { return status(t, cmd.Process.Pid, "Name") == "ready" })
	return cmd
}

// TestTraceInterrupted: a process that was interrupted stands, whatever other children of this
// program tell of meanwhile. The defence is that look knows a stop that it has told of.
func TestTraceInterrupted(t *testing.T) {
	testutil.RequireRoot(t)
	cmd := shell(t, "echo; while :; do :; done")
	pid := cmd.Process.Pid
	tr := traced(t, pid, linux.TraceExit)
	if err := tr.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if e := event(t, tr); e.Kind != linux.TraceStopped {
		t.Fatalf("%+v, want a stop", e)
	}
	for range 10 {
		if err := exec.Command("/bin/true").Run(); err != nil { // whose end is told by SIGCHLD
			t.Fatal(err)
		}
		if status, err := linux.ReadStatus(pid); err != nil || !strings.Contains(string(status), "State:\tt ") || !tr.Stands() {
			t.Fatalf("it goes on: %v", err)
		}
	}
}

// TestTracePastExit: a first thread that ends alone can be traced when it has passed its TraceExit
// already. That nothing more comes of it is told.
func TestTracePastExit(t *testing.T) {
	testutil.RequireRoot(t)
	const tries = 30
	for range tries {
		cmd := ender(t, nil, "leave")
		pid := cmd.Process.Pid
		fd := pidfd(t, pid)
		tr := traced(t, pid, linux.TraceExit)
		slow(t, pid)
		_ = cmd.Process.Signal(syscall.SIGUSR1)
		if e := event(t, tr); e.Kind != linux.TraceExit || !e.Alone {
			t.Fatalf("%+v", e)
		}
		tr.Close()
		again, err := linux.TraceProcess(t.Context(), fd, pid, linux.TraceExit)
		if errors.Is(err, linux.ErrNoProcess) {
			continue // it was quicker
		}
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if e := event(t, again); e.Kind != linux.TraceGone {
			t.Errorf("%+v, want TraceGone", e)
		}
		return
	}
	t.Errorf("in %d tries it was never traced in time", tries)
}

// slow has a thread run on a processor where another one is always preferred.
func slow(t *testing.T, tid int) {
	t.Helper()
	busy := shell(t, "echo; while :; do :; done").Process.Pid
	var first unix.CPUSet
	first.Set(0)
	err := errors.Join(unix.SchedSetaffinity(busy, &first), unix.SchedSetaffinity(tid, &first),
		unix.SchedSetAttr(tid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: schedIdle}, 0))
	if err != nil {
		t.Fatal(err)
	}
}

// schedIdle is SCHED_IDLE (linux/sched.h).
const schedIdle = 5
