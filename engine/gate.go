package engine

import (
	"context"
	"time"

	"dlx/shell"
	"dlx/target"
	"dlx/toolbox"
)

// Gate is asked for permission, once all of an operation is known and before anything of it is let
// in, shown, written or started. Policies, records and limits are gates.
type Gate interface {
	// Begin refuses an operation by an error. Otherwise end is called once, with what has become of
	// it. Who asks is in ctx.
	Begin(ctx context.Context, op Operation) (end func(Outcome), err error)
}

// Verb is what is done to a target.
type Verb string

// The verbs.
const (
	VerbDebug      Verb = "debug"
	VerbCapture    Verb = "capture" // in one of the request's targets, or one that has come later
	VerbInterfaces Verb = "interfaces"
	VerbInject     Verb = "inject"
	VerbEject      Verb = "eject"
	VerbHold       Verb = "hold" // waiting for a container's end or start, before it is traced
)

// Subject is what a target is.
type Subject string

// The subjects. What has no process of its own has one of dlx's stand for it.
const (
	SubjectContainer Subject = "container" // or a process, by its number
	SubjectNetNS     Subject = "netns"     // a network namespace, with all else the host's
	SubjectStopped   Subject = "stopped"   // the files of a container that does not run
	SubjectImage     Subject = "image"     // the files of an image
)

// Operation is what is about to be done to one target.
type Operation struct {
	Verb      Verb
	Subject   Subject
	Target    target.Info
	Process   *Process       // that is held; nil for the verbs on files of a container that does not run
	Session   *Grant         // debug
	Capture   *CaptureGrant  // capture
	Toolboxes []toolbox.Part // debug and inject
	Hold      *Hold          // hold, and the debug of what is held
}

// Process is a process that is held: it can not become another one.
type Process struct {
	PID        int
	Started    uint64            // since boot, in clock ticks (proc_pid_stat(5), field 22)
	Namespaces map[string]uint64 // inodes, by their names in /proc/PID/ns
}

// Grant is what a session is to have.
type Grant struct {
	FS         FS
	User       shell.User
	Command    []string
	Dir        string
	TTY        bool
	ReadOnly   bool
	Devices    []string
	Memory     int64 // bytes
	Pids       int64
	Timeout    time.Duration
	Restraints Restraints
	Group      string // the name of its control group, "" without one
}

// CaptureGrant is what a capture is to get.
type CaptureGrant struct {
	Interface string // "" for all
	Filter    string
	SnapLen   int
	User      uint32
	Ring      int64 // bytes of this machine's memory
}

// Outcome is what has become of an operation.
type Outcome struct {
	Status int           // of a session's command
	Stats  *CaptureStats // of the whole capture
	Left   []string      // by eject
	Err    error
}
