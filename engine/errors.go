package engine

import (
	"errors"
	"fmt"
	"strings"

	"dlx/toolbox"
)

// ErrTimeout is the cause of a session's end when its time is up.
var ErrTimeout = errors.New("the session's time is up")

// ErrNoTarget reports a capture of nothing.
var ErrNoTarget = errors.New("no container to capture in")

// ErrNoToolbox reports toolboxes for a session that sees none.
var ErrNoToolbox = errors.New("toolboxes are shown with --fs toolbox, and with no other file system")

// ErrPrivileges reports that dlx does not run as root.
var ErrPrivileges error = privilegeError{}

type privilegeError struct{}

func (privilegeError) Error() string { return "no permission to enter a container" }

// Hint says what to do.
func (privilegeError) Hint() string { return "run dlx as root, for example with sudo" }

// FilesError reports a limit of open files that no session fits in.
type FilesError struct{ Limit uint64 }

func (e *FilesError) Error() string {
	return fmt.Sprintf("the limit of open files, %d, is too low", e.Limit)
}

// Hint says how to raise it.
func (e *FilesError) Hint() string { return "raise it, as with `ulimit -n 1024`" }

// MemoryError reports that the captures of a user have no memory left for what one more takes, in
// MiB.
type MemoryError struct {
	User                uint32
	Wanted, Left, Total int
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("all captures of user %d may take %d MiB of memory together: %d are left, and this takes %d", e.User, e.Total, e.Left, e.Wanted)
}

// Hint says how to take less.
func (e *MemoryError) Hint() string { return "end another capture, or take a smaller buffer with -B" }

// FSError names a file system that there is not.
type FSError struct{ FS FS }

func (e *FSError) Error() string { return fmt.Sprintf("no file system %q", string(e.FS)) }

// Hint says what there is.
func (e *FSError) Hint() string { return "--fs takes toolbox, host or target" }

// EnvError reports a variable that is not NAME=VALUE.
type EnvError struct{ Value string }

func (e *EnvError) Error() string { return fmt.Sprintf("bad environment variable %.64q", e.Value) }

// Hint shows the form.
func (e *EnvError) Hint() string { return "--env takes NAME=VALUE" }

// DeviceError reports a device that can not be given to a session.
type DeviceError struct {
	Spec string
	Err  error
}

func (e *DeviceError) Error() string { return fmt.Sprintf("device %q: %v", e.Spec, e.Err) }
func (e *DeviceError) Unwrap() error { return e.Err }

// Hint shows what one looks like.
func (e *DeviceError) Hint() string { return "--device /dev/fuse, or --device /dev/sda:r to read only" }

// ExposedHostError reports a container that could reach the host's files through a session that has them.
type ExposedHostError struct{ Target, Why string }

func (e *ExposedHostError) Error() string {
	return fmt.Sprintf("container %q could trace a session that has the host's files: %s", e.Target, e.Why)
}

// Hint names the way that is safe.
func (e *ExposedHostError) Hint() string {
	return "use --fs toolbox, or a profile with more capabilities"
}

// OtherToolboxError reports a container that has other toolboxes than were to be injected.
type OtherToolboxError struct {
	Name  string
	There []toolbox.Part // none if an older dlx has placed it
}

func (e *OtherToolboxError) Error() string {
	if len(e.There) == 0 {
		return fmt.Sprintf("%q has the toolbox of an older dlx already", e.Name)
	}
	list := make([]string, len(e.There))
	for i, p := range e.There {
		list[i] = p.String()
	}
	return fmt.Sprintf("%q has another toolbox already: %s", e.Name, strings.Join(list, "; "))
}

// Hint says how to make place.
func (e *OtherToolboxError) Hint() string { return "`dlx eject " + e.Name + "` takes it out first" }

// NotInjectedError reports a container that dlx has put nothing into.
type NotInjectedError struct{ Name string }

func (e *NotInjectedError) Error() string { return fmt.Sprintf("nothing is injected into %q", e.Name) }

// Hint says how to see to all of them.
func (e *NotInjectedError) Hint() string { return "`dlx eject --all` takes out whatever there is" }

// RemovedError reports a container that was removed with the toolbox in it.
type RemovedError struct {
	Name string
	Err  error
}

func (e *RemovedError) Error() string { return fmt.Sprintf("container %q has been removed", e.Name) }
func (e *RemovedError) Unwrap() error { return e.Err }

// Hint says how to be rid of the record.
func (e *RemovedError) Hint() string { return "`dlx eject --all` clears its record" }
