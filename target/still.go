package target

import (
	"context"
	"time"
)

// Still is what a runtime keeps of a container that does not run, or of an image: its files, and
// how it would be run. All of it is data of the runtime's; the texts are the container's.
type Still struct {
	Info                // an image has no State, and its name as Image
	Dirs       []string // host directories of its files, uppermost first
	Merged     string   // where they are mounted if they are
	Entrypoint []string // in front of the command
	Command    []string //
	Volumes    []string // paths at which it would see other files
	Hostname   string   //
	End        *End     // its last one; nil: it has never run
	Only       []string // capabilities that it has at most; nil: the runtime does not tell
	Without    []string // capabilities of the runtime's default that it lacks
	Label      string   // of AppArmor or SELinux, whichever the host has; "": the runtime does not tell
	NoNewPrivs bool     //
	UIDs, GIDs []IDMap  // of its user namespace; none: the host's
}

// End is how a container ended.
type End struct {
	Status      int       // 128+N for signal N
	Time        time.Time // zero: not known
	OutOfMemory bool      // the kernel killed it for its limit
	Error       string    // why the runtime could not start it
}

// IDMap is a range of user or group numbers (user_namespaces(7)).
type IDMap struct{ Inside, Outside, Count uint32 }

// Stills is a runtime that tells of what does not run.
type Stills interface {
	// Still returns what there is of a container. One without layers on this host is a
	// fault.NoStill.
	Still(ctx context.Context, c *Info) (*Still, error)
	// Images returns those that have the name, an ID or the beginning of an ID. None is no error.
	// Of several no more than their Info is told.
	Images(ctx context.Context, name string) ([]Still, error)
}
