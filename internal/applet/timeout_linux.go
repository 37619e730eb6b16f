package applet

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// runTimeout is timeout(1). Busybox's leaves a process behind that waits for the time to be over.
func runTimeout(args []string) error {
	var kill, name string
	var preserve bool
	rest, err := flags("timeout", args, func(f *pflag.FlagSet) {
		f.SetInterspersed(false)
		f.StringVarP(&name, "signal", "s", "TERM", "signal to send")
		f.StringVarP(&kill, "kill-after", "k", "", "send KILL so much later")
		f.BoolVar(&preserve, "preserve-status", false, "the command's status also after the time")
		f.Bool("foreground", true, "accepted: so it is always")
		f.BoolP("verbose", "v", false, "accepted")
	})
	if err != nil {
		return err
	}
	if len(rest) < 2 {
		return fail(125, "takes a time and a command")
	}
	limit, err := duration(rest[0])
	if err != nil {
		return fail(125, "invalid time interval %q", rest[0])
	}
	later, err := duration(kill)
	if err != nil && kill != "" {
		return fail(125, "invalid time interval %q", kill)
	}
	sig := signalNumber(name)
	if sig == 0 {
		return fail(125, "%s: invalid signal", name)
	}
	cmd := exec.Command(rest[1], rest[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return fail(127, "failed to run command %q: %w", rest[1], rootCause(err))
		}
		return fail(126, "failed to run command %q: %w", rest[1], rootCause(err))
	}
	return await(cmd, limit, later, sig, preserve)
}

// await waits for the command, and passes signals on to it.
func await(cmd *exec.Cmd, limit, later time.Duration, sig syscall.Signal, preserve bool) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // how it ended stands in ProcessState
	}()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	var over, killing <-chan time.Time
	if limit > 0 {
		over = time.After(limit)
	}
	expired, killed := false, false
	for {
		select {
		case <-over:
			expired = true
			_ = cmd.Process.Signal(sig)
			if later > 0 {
				killing = time.After(later)
			}
		case <-killing:
			killed = true
			_ = cmd.Process.Kill()
		case s := <-signals:
			_ = cmd.Process.Signal(s)
		case <-done:
			code := cmd.ProcessState.ExitCode()
			if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
				code = 128 + int(ws.Signal())
			}
			if expired && !preserve {
				code = 124
				if killed || sig == syscall.SIGKILL {
					code = 137
				}
			}
			return &exitError{code: code}
		}
	}
}

// duration reads 5, 0.5, 5s, 2m, 1h and 1d.
func duration(s string) (time.Duration, error) {
	unit := time.Second
	for suffix, size := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour} {
		if text, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = text, size
			break
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err == nil && n < 0 {
		err = strconv.ErrRange
	}
	return time.Duration(n * float64(unit)), err
}
