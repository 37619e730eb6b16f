package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/creack/pty"

	"dlx/bench/daemon"
)

const (
	typeEvery  = 100 * time.Millisecond
	readyLimit = time.Minute
	echoLimit  = 10 * time.Second
)

// echoes opens sessions on terminals, types in all of them, each at moments of its own, and returns
// how long each keystroke took to come back: to the agent, through the session's terminal, and to
// the client's.
func echoes(ctx context.Context, a *daemon.Agent, o options, n int) (times []time.Duration, err error) {
	var sessions []*session
	defer func() {
		for _, s := range sessions {
			err = errors.Join(err, s.end())
		}
	}()
	for range n {
		s, err := begin(ctx, a, o)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	var wg sync.WaitGroup
	all, errs := make([][]time.Duration, n), make([]error, n)
	for i, s := range sessions {
		wg.Go(func() {
			time.Sleep(typeEvery * time.Duration(i) / time.Duration(n))
			all[i], errs[i] = s.types(ctx, o.typing)
		})
	}
	wg.Wait()
	for _, list := range all {
		times = append(times, list...)
	}
	return times, errors.Join(errs...)
}

// session is a client on a terminal of its own, in which cat runs.
type session struct {
	cmd    *exec.Cmd
	master *os.File
	came   chan byte
}

func begin(ctx context.Context, a *daemon.Agent, o options) (*session, error) {
	cmd := exec.CommandContext(ctx, o.dlx, "--agent", a.Address, "debug", "-it", o.container, "--", "sh", "-c", "echo ready; exec cat")
	master, err := pty.Start(cmd)
	if err != nil {
		return nil, err
	}
	s := &session{cmd, master, make(chan byte, 1<<16)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if err != nil {
				close(s.came)
				return
			}
			for _, b := range buf[:n] {
				s.came <- b
			}
		}
	}()
	limit := time.After(readyLimit)
	var text []byte
	for !bytes.Contains(text, []byte("ready\r\n")) {
		select {
		case b, ok := <-s.came:
			if !ok {
				return nil, errors.Join(fmt.Errorf("the session has ended: %q", text), s.end())
			}
			text = append(text, b)
		case <-limit:
			return nil, errors.Join(fmt.Errorf("the session is not ready: %q", text), cmd.Process.Kill(), s.end())
		}
	}
	return s, nil
}

// types has an x typed now and then, each echoed before the next one.
func (s *session) types(ctx context.Context, length time.Duration) (times []time.Duration, err error) {
	tick := time.NewTicker(typeEvery)
	defer tick.Stop()
	for end := time.Now().Add(length); time.Now().Before(end); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		began := time.Now()
		if _, err := s.master.WriteString("x"); err != nil {
			return nil, err
		}
		select {
		case b, ok := <-s.came:
			if !ok || b != 'x' {
				return nil, fmt.Errorf("not the echo but %q (%v)", b, ok)
			}
		case <-time.After(echoLimit):
			return nil, errors.New("no echo")
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}

// end ends cat by its input's end: twice, behind a line that is not complete (termios(3), VEOF).
func (s *session) end() error {
	_, err := s.master.WriteString("\x04\x04")
	return errors.Join(err, s.cmd.Wait(), s.master.Close())
}
