package applet

import (
	"errors"
	"fmt"
	"io"
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
	var preserve, verbose bool
	rest, err := flags("timeout", args, func(f *pflag.FlagSet) {
		f.SetInterspersed(false)
		f.StringVarP(&name, "signal", "s", "TERM", "signal to send")
		f.StringVarP(&kill, "kill-after", "k", "", "send KILL so much later")
		f.BoolVar(&preserve, "preserve-status", false, "the command's status also after the time")
		f.Bool("foreground", true, "makes no difference: the command is never put into the background")
		f.BoolVarP(&verbose, "verbose", "v", false, "say which signal is sent")
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
	w := &timeoutWait{cmd: cmd, limit: limit, later: later, signal: sig, preserve: preserve}
	if verbose {
		w.log = os.Stderr
	}
	return w.await()
}

// timeoutWait is a command that has begun, and what is done when its time is over.
type timeoutWait struct {
	cmd          *exec.Cmd
	limit, later time.Duration
	signal       syscall.Signal
	preserve     bool
	log          io.Writer // nil without -v
}

func (w *timeoutWait) send(s syscall.Signal) {
	if w.log != nil {
		name := strconv.Itoa(int(s)) // of a real-time signal
		if int(s) <= len(signalNames) {
			name = signalNames[s-1]
		}
		fmt.Fprintf(w.log, "timeout: sending signal %s to command %q\n", name, w.cmd.Args[0])
	}
	_ = w.cmd.Process.Signal(s)
}

// await waits for the command, and passes signals on to it.
func (w *timeoutWait) await() error {
	cmd := w.cmd
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // how it ended stands in ProcessState
	}()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	var over, killing <-chan time.Time
	if w.limit > 0 {
		over = time.After(w.limit)
	}
	expired, killed := false, false
	for {
		select {
		case <-over:
			expired = true
			w.send(w.signal)
			if w.later > 0 {
				killing = time.After(w.later)
			}
		case <-killing:
			killed = true
			w.send(syscall.SIGKILL)
		case s := <-signals:
			_ = cmd.Process.Signal(s)
		case <-done:
			code := cmd.ProcessState.ExitCode()
			if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
				code = 128 + int(ws.Signal())
			}
			if expired && !w.preserve {
				code = 124
				if killed || w.signal == syscall.SIGKILL {
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
