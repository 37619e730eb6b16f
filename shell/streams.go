package shell

import (
	"io"
	"syscall"

	"dlx/target"
	"dlx/toolbox"
)

// Streams is what a session's user sees, types and is told. The host's own files and terminal never
// reach the session: a pipe or a fresh pseudo-terminal stands between, since a container could open
// them again through /proc/PID/fd, or type into the terminal (TIOCSTI).
type Streams struct {
	Stdin   io.Reader // nil: none
	Stdout  io.Writer
	Stderr  io.Writer             // not used with a terminal
	Resize  <-chan WindowSize     // may be nil
	Signals <-chan syscall.Signal // passed on to the command, by their numbers on Linux; may be nil
	Started func()                // called once when the command runs, before any output of it; may be nil

	Began func() // called when a container starts whose files are shown because it did not run; may be nil

	// What the session will be. Each is called at most once, before Started, by who has prepared
	// the session, not by Run; each may be nil.
	Still      func(*target.Still)  // what does not run, and how it would
	Placed     func([]toolbox.Part) // the toolboxes that were verified
	LeftOut    func(names []string) // the target's variables that were left out
	Restrained func(Restraints)     // what holds the session back

	// Held tells how it goes with a container that is waited for and held, before and after
	// Started; may be nil.
	Held func(HoldNews)
}

// WindowSize is a terminal's size in characters.
type WindowSize struct{ Rows, Cols uint16 }
