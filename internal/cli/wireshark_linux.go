package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// wireshark is a Wireshark that shows what is written to it.
type wireshark struct {
	*pipe
	ended chan struct{}
	err   error // how it ended, once it has
}

// noWiresharkError says that there is no Wireshark to start.
type noWiresharkError struct{ err error }

func (e *noWiresharkError) Error() string { return "start Wireshark: " + e.err.Error() }
func (e *noWiresharkError) Unwrap() error { return e.err }

// Hint says how to look at the packets elsewhere.
func (e *noWiresharkError) Hint() string {
	return "on the machine that has it: ssh HOST sudo dlx capture TARGET -w - | wireshark -k -i -; or keep the packets with -w FILE"
}

// startWireshark starts Wireshark as the user that dlx was called by. It has a session of its own: Ctrl-C ends the capture,
// and Wireshark keeps what it has been shown.
func (a *app) startWireshark() (io.WriteCloser, error) {
	u, err := invokingUser()
	if err != nil {
		return nil, err
	}
	path, err := u.lookPath("wireshark")
	if err != nil {
		return nil, &noWiresharkError{err}
	}
	cmd := &exec.Cmd{
		Path: path, Args: []string{"wireshark", "-k", "-i", "-"}, Env: u.env, Dir: "/", Stdout: a.stderr, Stderr: a.stderr,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Credential: u.credential},
	}
	if dir, err := os.Getwd(); err == nil && u.credential == nil {
		cmd.Dir = dir
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdin = from
	err = cmd.Start()
	_ = from.Close()
	if err != nil {
		return nil, errors.Join(&noWiresharkError{err}, to.Close())
	}
	w := &wireshark{pipe: newPipe(to, to), ended: make(chan struct{})}
	go func() {
		if err := cmd.Wait(); err != nil {
			w.err = fmt.Errorf("wireshark ended: %w", err)
		}
		close(w.ended)
	}()
	return w, nil
}

// gone is closed when Wireshark has ended.
func (w *wireshark) gone(context.Context) <-chan struct{} { return w.ended }

// showLimit is how long a Wireshark may take to end that has stopped reading.
const showLimit = time.Second

// Close tells Wireshark that there are no more packets, and leaves it open for the user. What it failed with is an error only
// if it has ended before the capture.
func (w *wireshark) Close() error {
	if w.failed.Load() {
		select {
		case <-w.ended:
		case <-time.After(showLimit):
		}
	}
	select {
	case <-w.ended:
		return errors.Join(w.err, w.pipe.Close())
	default:
		return w.pipe.Close()
	}
}
