package cli

import (
	"context"

	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/term"

	"dlx/engine"
)

// signalError says that a signal ended dlx.
type signalError struct{ sig syscall.Signal }

func (e *signalError) Error() string { return e.sig.String() }

// console connects dlx's standard streams and signals to a session. It restores the terminal.
type console struct {
	app     *app
	tty     bool
	stdin   bool
	signals chan os.Signal
	to      chan syscall.Signal
	resize  chan engine.WindowSize
	started chan struct{}
	done    chan struct{}
	pump    sync.WaitGroup

	mu    sync.Mutex
	state *term.State // of the terminal before it was made raw; nil while it is not
}

func newConsole(a *app, tty, stdin bool) *console {
	return &console{
		app: a, tty: tty, stdin: stdin,
		signals: make(chan os.Signal, 16),
		to:      make(chan syscall.Signal),
		resize:  make(chan engine.WindowSize, 1),
		started: make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// open starts to pass signals on; those that come before the command runs cancel it.
func (c *console) open(ctx context.Context, cancel context.CancelCauseFunc) engine.Streams {
	signal.Notify(c.signals, passedOn...)
	c.pump.Go(func() { c.pass(ctx, cancel) })
	s := engine.Streams{Stdout: c.app.stdout, Stderr: c.app.stderr, Signals: c.to, Resize: c.resize, Started: c.start}
	if c.stdin {
		s.Stdin = c.app.stdin
	} else if c.tty {
		s.Stdin = strings.NewReader("")
	}
	return s
}

// start makes the terminal raw, once the command runs: until then Ctrl-C is to end dlx.
func (c *console) start() {
	c.take()
	close(c.started)
}

// take makes the terminal raw and tells the session its size.
func (c *console) take() {
	if c.tty && isTerminal(c.app.stdin) {
		c.raw()
		c.sendSize()
	}
}

func (c *console) raw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state, err := term.MakeRaw(int(c.app.stdin.Fd())); err == nil && c.state == nil {
		c.state = state
	}
}

func (c *console) cooked() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == nil {
		return nil
	}
	err := term.Restore(int(c.app.stdin.Fd()), c.state)
	c.state = nil
	return err
}

func (c *console) sendSize() {
	cols, rows, err := term.GetSize(int(c.app.stdin.Fd()))
	if err != nil {
		return
	}
	select {
	case <-c.resize: // an older size that nobody has taken
	default:
	}
	select {
	case c.resize <- engine.WindowSize{Rows: uint16(rows), Cols: uint16(cols)}:
	default:
	}
}

// pass passes signals on until the console is closed.
func (c *console) pass(ctx context.Context, cancel context.CancelCauseFunc) {
	asked := false
	for {
		select {
		case <-c.done:
			return
		case s := <-c.signals:
			sig := s.(syscall.Signal)
			switch {
			case isWindowChange(sig):
				c.sendSize()
			case !c.running() || ctx.Err() != nil:
				cancel(&signalError{sig})
			case ends(sig) && (c.tty || asked):
				// An interactive shell ignores SIGTERM. A terminal that is gone does not come back.
				cancel(&signalError{sig})
			default:
				asked = asked || ends(sig)
				c.send(sig)
				c.suspend(sig)
			}
		}
	}
}

func (c *console) running() bool {
	select {
	case <-c.started:
		return true
	default:
		return false
	}
}

func (c *console) send(sig syscall.Signal) {
	select {
	case c.to <- sig:
	case <-c.done:
	}
}

// close gives the terminal and the signals back.
func (c *console) close() error {
	signal.Stop(c.signals)
	close(c.done)
	c.pump.Wait()
	return c.cooked()
}

// isTerminal says whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
