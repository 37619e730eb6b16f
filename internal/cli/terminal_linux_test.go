package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

const limit = 30 * time.Second

// pause runs a scratch container. At the test's end it checks that sessions left no trace there.
func pause(t *testing.T) *testutil.Container {
	t.Helper()
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	state := func() string { return fmt.Sprint(c.Diff(), "\n", c.MountInfo(), "\n", c.Processes()) }
	before := state()
	t.Cleanup(func() {
		t.Cleanup(func() {
			if after := state(); t.Failed() && after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
		testutil.Wait(t, "the container to be as it was", limit, func() bool { return state() == before })
	})
	return c
}

func dlx(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(testutil.BuildDlx(t), args...)
	cmd.Env = append(os.Environ(), "TERM=xterm")
	return cmd
}

// ownState keeps a test's injections apart from the machine's.
func ownState(t *testing.T) { t.Setenv("DLX_STATE_DIR", t.TempDir()) }

// onTerminal starts dlx below a shell, as a person does:
// the shell tells what is left of the terminal.
func onTerminal(t *testing.T, args ...string) *testutil.Terminal {
	t.Helper()
	script := testutil.BuildDlx(t) + " " + strings.Join(args, " ") + `; echo "status=$?"; stty -a | grep -o -- '-*icanon\|-*isig\|-*echo ' | tr '\n' ' '; echo END`
	return testutil.StartTerminal(t, exec.Command("/bin/bash", "-c", script))
}

// restored waits for dlx's end and checks the terminal: it must be as a shell starts programs in.
func restored(t *testing.T, term *testutil.Terminal, status int) {
	t.Helper()
	term.Expect(fmt.Sprintf("status=%d\r\n", status), limit)
	modes := term.Expect(`.*END`, limit)
	for _, mode := range []string{"icanon", "isig", "echo"} {
		if !strings.Contains(modes, mode) || strings.Contains(modes, "-"+mode) {
			t.Errorf("terminal modes after dlx: %q", modes)
		}
	}
}

func TestTerminalShell(t *testing.T) {
	c := pause(t)
	term := onTerminal(t, "debug", c.Name)
	prompt := c.Name + `:/# `
	term.Expect(`built in; tools: type 'tools'\r\n`, limit)
	term.Expect(prompt, limit)
	t.Run("size", func(t *testing.T) {
		term.Send("echo $((6*7)); stty size\r")
		term.Expect(`42\r\n24 80\r\n`, limit)
		term.Expect(prompt, limit)
	})
	t.Run("resize", func(t *testing.T) {
		term.Resize(40, 132)
		term.Send("until [ \"$(stty size)\" = '40 132' ]; do :; done; echo re''sized\r")
		term.Expect("resized", limit)
		term.Expect(prompt, limit)
	})
	t.Run("Ctrl-C ends the command and not the shell", func(t *testing.T) {
		term.Send("sh -c 'echo be\"\"gin; exec sleep 1000'\r")
		term.Expect("begin", limit)
		term.Send("\x03")
		term.Expect(prompt, limit)
		term.Send("echo status $?\r")
		term.Expect("status 130", limit)
		term.Expect(prompt, limit)
	})
	t.Run("Ctrl-Z and job control", func(t *testing.T) {
		term.Send("sh -c 'echo be\"\"gin; exec sleep 1000'\r")
		term.Expect("begin", limit)
		term.Send("\x1a")
		term.Expect("Stopped", limit)
		term.Expect(prompt, limit)
		term.Send("bg\r")
		term.Expect(prompt, limit)
		term.Send("jobs\r")
		term.Expect("Running", limit)
		term.Expect(prompt, limit)
		// Without %1, bash may reap the job unseen and never print a word of it.
		term.Send("kill %1; wait %1; echo ended with $?\r")
		term.Expect("ended with 143", limit)
		term.Expect(prompt, limit)
	})
	term.Send("exit 9\r")
	restored(t, term, 9)
}

func TestTerminalEndOfInput(t *testing.T) {
	c := pause(t)
	term := onTerminal(t, "debug", c.Name)
	term.Expect(c.Name+`:/# `, limit)
	term.Send("\x04")
	restored(t, term, 0)
}

func TestTerminalContainerDies(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	term := onTerminal(t, "debug", c.Name)
	term.Expect(c.Name+`:/# `, limit)
	c.Kill("SIGKILL")
	term.Expect("the container ended", limit)
	restored(t, term, 137)
}

func TestTerminalTerminated(t *testing.T) {
	c := pause(t)
	term := onTerminal(t, "debug", c.Name)
	term.Expect(c.Name+`:/# `, limit)
	signalDlx(t, c, syscall.SIGTERM)
	restored(t, term, 128+15)
}

// TestTerminalStopped: dlx is stopped from outside, and the shell it was started from has the
// terminal until it goes on. bash sets the terminal's modes by itself then, dash does not.
func TestTerminalStopped(t *testing.T) {
	for name, tt := range map[string]struct {
		shell []string
		sig   syscall.Signal
	}{
		"SIGTSTP under dash": {[]string{"dash", "-i"}, syscall.SIGTSTP},
		"SIGTSTP under bash": {[]string{"bash", "--norc", "--noprofile", "-i"}, syscall.SIGTSTP},
		"SIGSTOP under bash": {[]string{"bash", "--norc", "--noprofile", "-i"}, syscall.SIGSTOP},
	} {
		t.Run(name, func(t *testing.T) {
			c := pause(t)
			cmd := exec.Command(tt.shell[0], tt.shell[1:]...)
			cmd.Env = append(os.Environ(), "TERM=dumb", "PS1=outside> ", "ENV=")
			term := testutil.StartTerminal(t, cmd)
			term.Expect("outside> ", limit)
			term.Send(testutil.BuildDlx(t) + " debug " + c.Name + "\r")
			prompt := c.Name + `:/# `
			term.Expect(prompt, limit)
			signalDlx(t, c, tt.sig)
			term.Expect("Stopped", limit)
			term.Resize(40, 132)
			term.Send("echo out''side again\r")
			term.Expect(`outside again\r\n`, limit)
			term.Send("fg\r")
			term.Send("until [ \"$(stty size)\" = '40 132' ]; do :; done; sh -c 'echo be\"\"gin; exec sleep 1000'\r")
			term.Expect("begin", limit)
			term.Send("\x03") // the inner terminal's, if the outer one is raw
			term.Expect(prompt, limit)
			term.Send("exit 9\r")
			term.Expect("outside> ", limit)
			term.Send("echo status=$?\r")
			term.Expect(`status=9\r\n`, limit)
		})
	}
}

// signalDlx sends a signal to the dlx whose session is in the container.
func signalDlx(t *testing.T, c *testutil.Container, sig syscall.Signal) {
	t.Helper()
	for _, p := range c.Processes() {
		if len(p.Args) > 0 && strings.Contains(p.Args[0], "dlx-init") {
			keeper := parentOf(t, p.PID)
			if err := syscall.Kill(parentOf(t, keeper), sig); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// parentOf is the process that started another: dlx a session's keeper, and the keeper the
// session's first process.
func parentOf(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var ppid int
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "PPid:\t%d", &ppid); err == nil {
			return ppid
		}
	}
	t.Fatalf("no parent in %s", status)
	return 0
}

// TestHangUp: the terminal goes away under dlx.
func TestHangUp(t *testing.T) {
	c := pause(t)
	cmd := dlx(t, "debug", c.Name)
	term := testutil.StartTerminal(t, cmd)
	term.Expect(c.Name+`:/# `, limit)
	term.Close()
}

// TestSignals: without a terminal, dlx's signals are the command's.
func TestSignals(t *testing.T) {
	c := pause(t)
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 2, syscall.SIGTERM: 15, syscall.SIGHUP: 1, syscall.SIGUSR1: 10} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd := dlx(t, "debug", c.Name, "--", "sh", "-c", fmt.Sprintf("trap 'exit %d' %d; echo ready; while :; do sleep 0.05; done", 40+want, want))
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ready := make([]byte, 6)
			if _, err := out.Read(ready); err != nil || string(ready) != "ready\n" {
				t.Fatalf("read %q, %v", ready, err)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 40+want {
				t.Errorf("exit status %d, want %d", code, 40+want)
			}
		})
	}
}

// TestKilled: kill -9 at any moment leaves no trace; the keeper cleans up.
func TestKilled(t *testing.T) {
	c := pause(t)
	for moment := range 40 {
		cmd := dlx(t, "debug", c.Name, "--", "sh", "-c", "sleep 1000 & sleep 1000")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(moment) * 2 * time.Millisecond) // the moment is what is being varied
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	testutil.Wait(t, "every session's cgroup to go", limit, func() bool {
		for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"} {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if strings.HasPrefix(e.Name(), "dlx-") {
					return false
				}
			}
		}
		return true
	})
}

// TestKeeperKilled: where dlx and its keeper are both killed, the next session cleans up.
func TestKeeperKilled(t *testing.T) {
	c := pause(t)
	cmd := dlx(t, "debug", c.Name, "--", "sh", "-c", "echo ready; sleep 1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	keeper := 0
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", cmd.Process.Pid))
	for _, thread := range threads {
		children, _ := os.ReadFile(thread)
		for child := range strings.FieldsSeq(string(children)) {
			if line, _ := os.ReadFile("/proc/" + child + "/cmdline"); bytes.HasPrefix(line, []byte("dlx-keeper")) {
				keeper, err = strconv.Atoi(child)
			}
		}
	}
	if err != nil || keeper == 0 {
		_ = cmd.Process.Kill()
		t.Fatalf("no keeper is among the children of dlx: %v", err)
	}
	if err := errors.Join(syscall.Kill(keeper, syscall.SIGKILL), cmd.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := testutil.Collect(t, dlx(t, "debug", c.Name, "--", "true")); got.Code != 0 {
		t.Errorf("the next session: %+v", got)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/dlx-%d-*", "/sys/fs/cgroup/*/dlx-%d-*"} {
		if left, _ := filepath.Glob(fmt.Sprintf(pattern, cmd.Process.Pid)); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

// TestInjectKilled: whatever kill -9 has left of an injection, `dlx eject --all` takes out.
func TestInjectKilled(t *testing.T) {
	ownState(t)
	c := pause(t)
	for moment := range 30 {
		cmd := dlx(t, "inject", c.Name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(moment) * 2 * time.Millisecond) // the moment is what is being varied
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if moment%3 == 0 { // an injection takes over what the one before it has left
			if got := testutil.Collect(t, dlx(t, "inject", c.Name)); got.Code != 0 {
				t.Fatalf("inject after a kill: %+v", got)
			}
		}
		if got := testutil.Collect(t, dlx(t, "eject", "--all")); got.Code != 0 {
			t.Fatalf("eject --all after a kill: %+v", got)
		}
		if diff := c.Diff(); len(diff) != 0 {
			t.Fatalf("killed after %d ms: docker diff shows %v", 2*moment, diff)
		}
	}
}
