package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// sudoers is what a rule of sudoers(5) allows for dlx extcap to work, dlx being the program's path.
func sudoers(dlx string) string { return dlx + " capture --pipe *, " + dlx + " ps -o json" }

// sudoError says that sudo did not run dlx.
type sudoError struct {
	err  error
	said string // by sudo
	dlx  string // path of the program
}

func (e *sudoError) Error() string {
	if e.said == "" {
		return "not root, and sudo can not be used: " + e.err.Error()
	}
	return "not root, and sudo does not help: " + e.said
}
func (e *sudoError) Unwrap() error { return e.err }

// Hint shows what to allow.
func (e *sudoError) Hint() string {
	if e.dlx == "" {
		return "install sudo, or run Wireshark where dlx runs as root: `dlx capture --wireshark`"
	}
	return "allow it with visudo: USER ALL=(root) NOPASSWD: " + sudoers(e.dlx)
}

// sudoCommand is dlx itself, with arguments, as root. sudo must not ask for a password: there may
// be no terminal, and one that is there is not for that.
func sudoCommand(args ...string) (*exec.Cmd, error) {
	sudo, err := exec.LookPath("sudo")
	if err != nil {
		return nil, &sudoError{err: err}
	}
	dlx, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the dlx program: %w", err)
	}
	return exec.Command(sudo, append([]string{"-n", "--", dlx}, args...)...), nil
}

// maxSaid is as much of what a command says as is kept, in bytes.
const maxSaid = 64 << 10

// said keeps the first bytes that are written to it.
type said struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Write(p[:min(len(p), maxSaid-s.buf.Len())])
	return len(p), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// childError is an error that the dlx below sudo has reported, word for word.
type childError struct{ text, hint string }

func (e *childError) Error() string { return e.text }

// Hint is the other dlx's.
func (e *childError) Hint() string { return e.hint }

// explainSudo says whose failure it was: sudo's, or that of the dlx below,
// whose report has its form.
func explainSudo(cmd *exec.Cmd, err error, stderr string) error {
	var child childError
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "dlx: "); ok && child.text == "" {
			child.text = text
		}
		if hint, ok := strings.CutPrefix(line, "hint: "); ok {
			child.hint = hint
		}
	}
	if child.text != "" {
		return &child
	}
	first, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	return &sudoError{err: err, said: strings.TrimPrefix(first, "sudo: "), dlx: cmd.Args[3]}
}

// sudoJSON runs dlx as root and reads its result into a value. It returns after sudoLimit even if
// sudo does not: a process of root's can not be killed.
func sudoJSON(ctx context.Context, into any, args ...string) error {
	cmd, err := sudoCommand(args...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sudoLimit)
	defer cancel()
	var stderr said
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return &sudoError{err: err}
	}
	result := make(chan error, 1)
	go func() {
		data, rerr := io.ReadAll(io.LimitReader(out, maxJSON))
		if err := cmd.Wait(); err != nil {
			result <- explainSudo(cmd, err, stderr.String())
			return
		}
		result <- errors.Join(rerr, json.Unmarshal(data, into))
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return &sudoError{err: ctx.Err(), said: "no answer in time", dlx: cmd.Args[3]}
	}
}

// maxJSON bounds a result, in bytes.
const maxJSON = 16 << 20
