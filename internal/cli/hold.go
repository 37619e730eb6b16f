package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/shell"
)

// holdOptions are the flags of `dlx debug` for containers that crash.
type holdOptions struct {
	onExit, onStart bool
	limit           time.Duration
	limitSet        func() bool
}

const holdHelp = "--on-exit   waits for the container's next end, and begins while its processes, memory and files are there still;\n" +
	"            when the session ends, so does the container, as it would have\n" +
	"--on-start  waits for its next start, and begins before its program has run an instruction: that goes on when\n" +
	"            a debugger is attached to it (strace -p 1, gdb -p 1), by kill -CONT 1, and when the session ends\n" +
	"Neither holds it for longer than --hold. If dlx dies, kill -9 included, the container goes on.\n\n"

func (o *holdOptions) holdFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.onExit, "on-exit", false, "wait for the container's next end, and hold it there for the session")
	f.BoolVar(&o.onStart, "on-start", false, "wait for the container's next start, and hold it before its first instruction")
	f.DurationVar(&o.limit, "hold", engine.DefaultHold, "let go of the container after this long, with --on-exit and --on-start")
	o.limitSet = func() bool { return f.Changed("hold") }
}

func (o *holdOptions) checkHold() error {
	switch {
	case o.onExit && o.onStart:
		return &usageError{errors.New("--on-exit waits for the container's end, --on-start for its start: choose one")}
	case o.limit <= 0:
		return &usageError{fmt.Errorf("--hold is a time above zero, not %s", o.limit)}
	case o.limitSet() && !o.onExit && !o.onStart:
		return &usageError{errors.New("--hold goes with --on-exit or --on-start")}
	}
	return nil
}

// hold is what the flags ask for.
func (o *holdOptions) hold() engine.Hold {
	switch {
	case o.onExit:
		return engine.Hold{When: engine.OnExit, Limit: o.limit}
	case o.onStart:
		return engine.Hold{When: engine.OnStart, Limit: o.limit}
	}
	return engine.Hold{}
}

// sayHeld says how it goes with a container that is waited for.
func (a *app) sayHeld(n engine.HoldNews) {
	switch n.State {
	case shell.HoldForEnd:
		a.notef("waiting for %s to end (Ctrl-C to give up)", n.Target)
	case shell.HoldForStart:
		a.notef("waiting for %s to start (Ctrl-C to give up)", n.Target)
	case shell.HoldMissed:
		a.notef("%s ended before it could be held", n.Target)
	case shell.HoldEnding:
		a.notef("%s is ending: %s; it is held until the session ends, for %s at most", n.Target, n.End, span(n.Limit))
	case shell.HoldFault:
		a.notef("%s is ending: killed by %s; it stands at the instruction that brought that about, %s", n.Target, n.End, goesOn(n))
	case shell.HoldStopped:
		a.notef("%s stands before its first instruction, %s", n.Target, goesOn(n))
	case shell.HoldLate:
		a.notef("%s was not stopped in time, and has run some instructions; it stands now, %s", n.Target, goesOn(n))
	case shell.HoldLetGo:
		a.notef("%s was held for %s, and is let go", n.Target, span(n.Limit))
	}
}

// goesOn says what has a stopped process go on.
func goesOn(n engine.HoldNews) string {
	return fmt.Sprintf("until a debugger is attached to process %d, kill -CONT %d, the session's end, or for %s", n.PID, n.PID, span(n.Limit))
}

// span is a time as people write it: 10m, and not 10m0s.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
