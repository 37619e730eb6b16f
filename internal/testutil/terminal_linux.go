package testutil

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/creack/pty"
)

// Terminal is a command that runs on a pseudo-terminal of its own, and what it wrote there.
type Terminal struct {
	t   testing.TB
	cmd *exec.Cmd
	pty *os.File

	mu     sync.Mutex
	all    []byte        // everything read
	taken  int           // up to where Expect has matched
	more   chan struct{} // replaced and closed when all grows or ends
	eof    bool
	exited chan struct{}
	once   sync.Once
}

// StartTerminal starts cmd as the leader of a new session on a terminal of 24 rows and 80 columns.
// The command is killed when the test ends, if it still runs then.
func StartTerminal(t testing.TB, cmd *exec.Cmd) *Terminal {
	t.Helper()
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatalf("start %v on a terminal: %v", cmd.Args, err)
	}
	term := &Terminal{t: t, cmd: cmd, pty: pollable(t, master), more: make(chan struct{}), exited: make(chan struct{})}
	go term.read()
	go func() {
		_ = cmd.Wait() // its status is in cmd.ProcessState
		close(term.exited)
	}()
	t.Cleanup(term.Close)
	return term
}

// pollable gives master a Close that ends a Read and hangs up. pty has a blocking descriptor.
func pollable(t testing.TB, master *os.File) *os.File {
	t.Helper()
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, master.Fd(), syscall.F_DUPFD_CLOEXEC, 0)
	if err := master.Close(); errno != 0 || err != nil {
		t.Fatalf("take over terminal: %v, %v", errno, err)
	}
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		t.Fatalf("take over terminal: %v", err)
	}
	return os.NewFile(fd, master.Name())
}

// read collects output until the terminal has no writer any more, which reads as EIO (pty(7)).
func (term *Terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := term.pty.Read(buf)
		term.mu.Lock()
		term.all = append(term.all, buf[:n]...)
		term.eof = err != nil
		close(term.more)
		term.more = make(chan struct{})
		term.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Send types text; "\r" is the return key, "\x03" is Ctrl-C.
func (term *Terminal) Send(text string) {
	term.t.Helper()
	if _, err := term.pty.WriteString(text); err != nil {
		term.t.Fatalf("type %q: %v", text, err)
	}
}

// Expect waits until what has been printed since the last match contains pattern, a regular
// expression, and returns the match.
func (term *Terminal) Expect(pattern string, limit time.Duration) string {
	term.t.Helper()
	re := regexp.MustCompile(pattern)
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		match, more, eof := term.match(re)
		if more == nil {
			return match
		}
		if eof {
			term.t.Fatalf("terminal ended without %q; it showed:\n%s", pattern, term.Output())
		}
		select {
		case <-more:
		case <-end.C:
			term.t.Fatalf("waited %v in vain for %q on the terminal; it showed:\n%s", limit, pattern, term.Output())
		}
	}
}

// match takes the first match; where there is none it returns a channel that closes when there is
// more to look at.
func (term *Terminal) match(re *regexp.Regexp) (string, <-chan struct{}, bool) {
	term.mu.Lock()
	defer term.mu.Unlock()
	loc := re.FindIndex(term.all[term.taken:])
	if loc == nil {
		return "", term.more, term.eof
	}
	found := string(term.all[term.taken+loc[0] : term.taken+loc[1]])
	term.taken += loc[1]
	return found, nil, false
}

// Output is everything printed so far.
func (term *Terminal) Output() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return string(term.all)
}

// Resize changes the size of the terminal, which the command learns by SIGWINCH.
func (term *Terminal) Resize(rows, cols uint16) {
	term.t.Helper()
	size := pty.Winsize{Rows: rows, Cols: cols}
	conn, err := term.pty.SyscallConn() // File.Fd, which pty.Setsize uses, would make it blocking again
	if err != nil {
		term.t.Fatalf("resize terminal: %v", err)
	}
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size)))
	})
	if err != nil || errno != 0 {
		term.t.Fatalf("resize terminal: %v, %v", err, errno)
	}
}

// Wait returns the command's exit status, 128+n after signal n.
// The test fails if limit is not enough.
func (term *Terminal) Wait(limit time.Duration) int {
	term.t.Helper()
	end := time.NewTimer(limit)
	defer end.Stop()
	select {
	case <-term.exited:
		return status(term.cmd.ProcessState)
	case <-end.C:
		term.t.Fatalf("%v did not end within %v; it showed:\n%s", term.cmd.Args, limit, term.Output())
		return 0
	}
}

// Close hangs up the terminal, kills the command's process group if it is still there, and waits
// for the command's end.
func (term *Terminal) Close() {
	term.once.Do(func() {
		if err := term.pty.Close(); err != nil {
			term.t.Errorf("close terminal: %v", err)
		}
		// While a member lives, its group keeps the leader's ID: no other process can have it.
		if err := syscall.Kill(-term.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			term.t.Errorf("kill %v: %v", term.cmd.Args, err)
		}
		<-term.exited
	})
}
