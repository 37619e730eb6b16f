package testutil

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Result is how a command ended and what it printed.
type Result struct {
	// Code is its exit status, 128+n after signal n.
	Code           int
	Stdout, Stderr string
}

// Collect runs cmd and returns its result; only a command that can not be started fails the test.
func Collect(t testing.TB, cmd *exec.Cmd) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %v: %v", cmd.Args, err)
	}
	return Result{Code: status(cmd.ProcessState), Stdout: stdout.String(), Stderr: stderr.String()}
}

// Quote returns s as one word for a shell.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// status is the exit status in the shell's way of counting.
func status(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}
