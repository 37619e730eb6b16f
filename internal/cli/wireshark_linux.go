package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// wireshark is a Wireshark that shows what is written to it. It is started when the capture is on:
// one that can not be opened leaves no empty window.
type wireshark struct {
	*pipe
	cmd   *exec.Cmd
	from  *os.File
	begun bool
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

// startWireshark finds Wireshark, and runs it as the user that dlx was called by. It has a session
// of its own: Ctrl-C ends the capture, and Wireshark keeps what it has been shown.
func (a *app) startWireshark() (*output, error) {
	u, err := invokingUser()
	if err != nil {
		return nil, err
	}
	path, err := u.lookPath("wireshark")
	if err != nil {
		return nil, &noWiresharkError{err}
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe to Wireshark: %w", err)
	}
	cmd := &exec.Cmd{
		Path: path, Args: []string{"wireshark", "-k", "-i", "-"}, Env: u.env, Stdin: from, Stdout: a.stderr, Stderr: a.stderr,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Credential: u.credential},
	}
	w := &wireshark{pipe: newPipe(to, to), cmd: cmd, from: from, ended: make(chan struct{})}
	return &output{Sink: w, WriteCloser: w}, nil
}

// Begin starts it.
func (w *wireshark) Begin() error {
	w.begun = true
	err := w.cmd.Start()
	_ = w.from.Close()
	if err != nil {
		close(w.ended)
		return &noWiresharkError{err}
	}
	go func() {
		if err := w.cmd.Wait(); err != nil {
			w.err = fmt.Errorf("wireshark ended: %w", err)
		}
		close(w.ended)
	}()
	return nil
}

// Blocks writes to it.
func (w *wireshark) Blocks(b []byte, _, _ uint64) error {
	_, err := w.Write(b)
	return err
}

// gone is closed when Wireshark has ended.
func (w *wireshark) gone(context.Context) <-chan struct{} { return w.ended }

// showLimit is how long a Wireshark may take to end that has stopped reading.
const showLimit = time.Second

// Close tells Wireshark that there are no more packets, and leaves it open for the user. What it
// failed with is an error only if it has ended before the capture.
func (w *wireshark) Close() error {
	if !w.begun {
		_ = w.from.Close()
	}
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
