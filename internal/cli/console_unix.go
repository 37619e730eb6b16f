//go:build !windows

package cli

import (
	"os"
	"syscall"
)

// passedOn are the signals that a session's command gets from dlx.
var passedOn = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGWINCH,
}

func isWindowChange(sig syscall.Signal) bool { return sig == syscall.SIGWINCH }

// ends says whether a signal asks a program to end that nobody is there to talk to any more.
func ends(sig syscall.Signal) bool { return sig == syscall.SIGTERM || sig == syscall.SIGHUP }

// suspend stops dlx itself after its command, as the shell that it was started from expects of
// Ctrl-Z. It leaves the terminal as it found it and takes it again when it goes on, from whatever
// has stopped it: SIGSTOP tells nobody.
func (c *console) suspend(sig syscall.Signal) {
	switch sig {
	case syscall.SIGTSTP:
		_ = c.cooked()
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case syscall.SIGCONT:
		c.take()
	}
}
