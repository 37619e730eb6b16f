package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"dlx/internal/linux"
)

// stdio carries the bytes between a session's streams and the child's three descriptors.
type stdio struct {
	user   Streams
	child  [3]*linux.FD
	master *os.File // the pseudo-terminal
	in     *os.File // what Stdin is written to
	outs   []*os.File
	done   sync.WaitGroup
	closed chan struct{} // its own ends are

	mu     sync.Mutex
	failed error // the first that kept output from being written
}

// newStdio makes the descriptors. A terminal is made in the devpts at pts; nil is the host's.
func newStdio(user Streams, tty bool, pts *linux.FD) (*stdio, error) {
	s := &stdio{user: user, closed: make(chan struct{})}
	if err := s.open(tty, pts); err != nil {
		return nil, errors.Join(err, s.closeChild(), s.close())
	}
	return s, nil
}

func (s *stdio) open(tty bool, pts *linux.FD) (err error) {
	if tty {
		var slave *linux.FD
		if s.master, slave, err = linux.OpenPty(pts); err != nil {
			return err
		}
		s.child = [3]*linux.FD{slave, slave, slave}
		s.in, s.outs = s.master, []*os.File{s.master}
		return nil
	}
	if s.in, s.child[0], err = linux.PipeFile(false); err != nil {
		return err
	}
	for i := 1; i < 3; i++ {
		out, child, err := linux.PipeFile(true)
		if err != nil {
			return err
		}
		s.child[i], s.outs = child, append(s.outs, out)
	}
	return nil
}

// give makes the child's user own its descriptors, so that it can open /dev/stderr and its like.
func (s *stdio) give(uid, gid uint32) error {
	for _, fd := range s.child {
		if err := linux.Fchown(fd, int(uid), int(gid)); err != nil {
			return err
		}
	}
	return nil
}

// closeChild closes this process's copies of the child's descriptors.
func (s *stdio) closeChild() error {
	return linux.CloseAll(s.child[:]...) // closing a shared one again does nothing
}

// endOfTransmission ends a terminal's input (termios(3), VEOF).
// endAgain is the time until it is sent again.
const (
	endOfTransmission = 4
	endAgain          = 200 * time.Millisecond
)

// endInput ends the input of a terminal for whoever reads it from now on. Once is not enough: a
// shell that changes the terminal's mode while it starts does not see it.
func (s *stdio) endInput() {
	again := time.NewTicker(endAgain)
	defer again.Stop()
	for {
		if _, err := s.in.Write([]byte{endOfTransmission}); err != nil {
			return
		}
		select {
		case <-again.C:
		case <-s.closed:
			return
		}
	}
}

// relay starts to carry bytes. The goroutine that reads Stdin ends when Stdin does: its owner has
// to see to that.
func (s *stdio) relay() {
	if s.user.Stdin == nil && s.master == nil {
		_ = s.in.Close()
	}
	if s.user.Stdin != nil {
		go func() {
			_, err := io.Copy(s.in, s.user.Stdin)
			switch {
			case s.master == nil:
				_ = s.in.Close()
			case err == nil:
				s.endInput()
			}
		}()
	}
	for i, out := range s.outs {
		to := s.user.Stdout
		if i == 1 {
			to = s.user.Stderr
		}
		s.done.Go(func() {
			err := carry(to, out)
			lost := s.note(err)
			if lost || err != nil && s.master == nil {
				_ = out.Close() // nobody reads any more: let the session's writers have their SIGPIPE, or SIGHUP
			}
		})
	}
}

// note keeps the first error that lost output. It is none if the reader has gone away.
func (s *stdio) note(err error) bool {
	if err == nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) || s.master != nil && errors.Is(err, syscall.EIO) {
		return false
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err // its name is dlx's own, such as /dev/stdout
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = fmt.Errorf("write the command's output: %w", err)
	}
	return true
}

// lost is the error by which output was lost, once it has been drained.
func (s *stdio) lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// carry copies until from ends, or is silent from one deadline to the next. A reader that is slow
// to take what there is costs only time.
func carry(to io.Writer, from *os.File) error {
	buf := make([]byte, 32<<10)
	for silent := false; ; {
		n, err := from.Read(buf)
		if n > 0 {
			silent = false
			if _, werr := to.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !silent:
			silent = true
			_ = from.SetReadDeadline(time.Now().Add(drainLimit))
		case err != nil:
			return nil //nolint:nilerr // the end: EOF of a pipe, EIO of a terminal
		}
	}
}

// drain waits until all output has been carried. A container may hold a copy of the pipe's other
// end: that makes it wait up to the limit. A reader that takes nothing makes it wait until ctx
// ends, and up to the limit once more.
func (s *stdio) drain(ctx context.Context) {
	deadline := time.Now().Add(drainLimit)
	for _, out := range s.outs {
		_ = out.SetReadDeadline(deadline)
	}
	carried := make(chan struct{})
	go func() {
		s.done.Wait()
		close(carried)
	}()
	select {
	case <-carried:
		return
	case <-ctx.Done():
	}
	select {
	case <-carried:
	case <-time.After(drainLimit):
	}
}

// close closes this process's own ends.
func (s *stdio) close() error {
	close(s.closed)
	var errs []error
	for _, f := range append(s.outs, s.in) {
		if f != nil {
			if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
