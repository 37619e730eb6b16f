package target

import (
	"fmt"
	"strconv"
	"strings"
)

// NotFoundError reports that no runtime knows the name, or that the process is not there.
type NotFoundError struct {
	Ref     string
	Similar []string // names that may have been meant
	PID     int      // of a process that was asked for by its number, without a Ref
}

func (e *NotFoundError) Error() string {
	if e.PID != 0 {
		return fmt.Sprintf("no process %d", e.PID)
	}
	return fmt.Sprintf("no container %q", e.Ref)
}

func notFoundPID(number string) error {
	pid, _ := strconv.Atoi(number) // ParseRef has seen to it
	return &NotFoundError{PID: pid}
}

// Hint names what may have been meant.
func (e *NotFoundError) Hint() string {
	if e.PID != 0 {
		return "its number is the host's: `dlx ps` has that of each container"
	}
	if len(e.Similar) > 0 {
		return "did you mean " + strings.Join(e.Similar, " or ") + "? `dlx ps` lists what there is"
	}
	return "`dlx ps` lists what there is"
}

// AmbiguousError reports that more than one container fits.
type AmbiguousError struct {
	Ref  string
	Hits []string // SCHEME://ID (NAME)
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q fits %d containers: %s", e.Ref, len(e.Hits), strings.Join(e.Hits, ", "))
}

// Hint says how to tell them apart.
func (e *AmbiguousError) Hint() string { return "give the whole name, more of the ID, or a scheme" }

// NotRunningError reports a container without a process.
type NotRunningError struct {
	Name  string
	State State
}

func (e *NotRunningError) Error() string {
	return fmt.Sprintf("container %q is not running (%s)", e.Name, e.State)
}

// Hint says what to do.
func (e *NotRunningError) Hint() string {
	return "start it, or use `dlx inject` on its stopped file system"
}

// PermissionError reports a runtime socket that this user may not use.
type PermissionError struct {
	Socket string
	Err    error
}

func (e *PermissionError) Error() string { return fmt.Sprintf("no permission on %s", e.Socket) }
func (e *PermissionError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *PermissionError) Hint() string { return "run dlx as root, for example with sudo" }

// NoEngineError reports that no runtime answers.
type NoEngineError struct {
	Socket string
	Err    error
}

func (e *NoEngineError) Error() string {
	return fmt.Sprintf("no container engine answers at %s", e.Socket)
}
func (e *NoEngineError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *NoEngineError) Hint() string {
	return "start Docker, or set DOCKER_HOST to its socket; `dlx doctor` says what is missing"
}

// RemoteEngineError reports an engine on another host, whose process IDs mean nothing here.
type RemoteEngineError struct{ Host string }

func (e *RemoteEngineError) Error() string {
	return fmt.Sprintf("the engine at %s is not on this host", e.Host)
}

// Hint says what to do.
func (e *RemoteEngineError) Hint() string {
	return "run dlx on the engine's own host; here, DOCKER_HOST has to be a unix:// socket"
}

// ChangedError reports that the container was restarted, or its PID reused, while dlx took hold of it.
type ChangedError struct {
	Name string
	Why  string
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("container %q changed while dlx looked at it: %s", e.Name, e.Why)
}

// Hint says what to do.
func (e *ChangedError) Hint() string { return "try again; if it keeps restarting, see its logs" }

// RefError reports a TARGET that can not be read.
type RefError struct{ Ref, Why string }

func (e *RefError) Error() string { return fmt.Sprintf("bad target %q: %s", e.Ref, e.Why) }

// Hint shows the forms.
func (e *RefError) Hint() string { return "targets: NAME, ID, docker://NAME, pid://N" }

// KernelThreadError reports a process that is the kernel's own.
type KernelThreadError struct {
	PID  int
	Name string
}

func (e *KernelThreadError) Error() string {
	return fmt.Sprintf("process %d (%s) is a thread of the kernel's own", e.PID, e.Name)
}

// Hint says which ones can be.
func (e *KernelThreadError) Hint() string { return "pid:// takes processes that run a program" }
