// Package engine is the one place that knows the order of the work: find the target, enter its
// namespaces, place the toolbox or open the capture, run, clean up.
//
// Local does the work in this process. Requests and results are plain data and streams, so the same
// interface can be spoken over a wire. Package enginetest is the suite that every one passes.
package engine

import (
	"context"
	"net/netip"
	"time"

	"dlx/capture"
	"dlx/shell"
	"dlx/target"
	"dlx/toolbox"
)

// DefaultState is where dlx keeps what outlives it.
const DefaultState = "/var/lib/dlx"

// Engine is what the command line drives.
type Engine interface {
	// List returns the containers that can be debugged.
	List(ctx context.Context) ([]Container, error)
	// Names returns the same containers without looking at their processes, for completion.
	Names(ctx context.Context) ([]target.Info, error)
	// NetNamespaces lists the host's network namespaces that have names.
	NetNamespaces(ctx context.Context) ([]NetNamespace, error)
	// Debug runs a command in a target. It returns the exit status, 0 to 255:
	// 128+N for signal N. The errors of all verbs are *Error; Debug's kinds
	// include fault.CommandNotFound and TargetEnded.
	Debug(ctx context.Context, req DebugRequest, streams Streams) (int, error)
	// Capture hands the packets of targets to the sink until ctx ends, all targets have ended, or a
	// limit of the request is reached. An error of the sink's ends it too, and is returned.
	Capture(ctx context.Context, req CaptureRequest, to Sink) (CaptureStats, error)
	// Interfaces lists a target's network interfaces.
	Interfaces(ctx context.Context, target string) ([]capture.Interface, error)
	// Inject keeps the toolbox in the target's writable layer. Where others than those of the
	// request are there already, the error is a fault.OtherToolbox, and nothing is changed.
	Inject(ctx context.Context, req InjectRequest) (InjectResult, error)
	// Eject takes it out again.
	Eject(ctx context.Context, req EjectRequest) ([]EjectResult, error)
	// Toolboxes lists the toolbox that comes with dlx and those that are kept, and whether each
	// would be taken. What can not be read is an error beside the rest.
	Toolboxes(ctx context.Context) ([]Toolbox, error)
	// ToolboxNames are the names of those that are kept, for completion.
	ToolboxNames(ctx context.Context) ([]string, error)
	// VerifyToolbox checks a toolbox as a session would, and all of its bytes. Keys that are given
	// are trusted, and no others.
	VerifyToolbox(ctx context.Context, ref ToolboxRef, keys ...*toolbox.PublicKey) (Toolbox, error)
	// ImportToolbox checks a toolbox and keeps it, so that it can be asked for by its name.
	ImportToolbox(ctx context.Context, ref ToolboxRef) (Toolbox, error)
	// ToolboxSBOM returns a toolbox's bill of materials, nil if it has none. Without a toolbox it
	// is that of the one which comes with dlx.
	ToolboxSBOM(ctx context.Context, ref ToolboxRef) ([]byte, error)
	// Health says whether the engine's machine has what the work takes.
	Health(ctx context.Context) ([]Check, error)
	// Close releases the engine.
	Close() error
}

// Container is a line of the list.
type Container struct {
	target.Info
	Shell string `json:"shell"` // path of a shell inside, "" if none was found
}

// NetNamespace is a network namespace that has a name, which containers may be in or not.
type NetNamespace struct {
	Name       string   `json:"name"`
	Path       string   `json:"path"`
	Inode      uint64   `json:"inode"` // as in /proc/PID/ns/net
	Host       bool     `json:"host,omitempty"`
	Containers []string `json:"containers,omitempty"` // by their names
}

// FS says which file system a session sees at /.
type FS string

// The file systems.
const (
	FSToolbox FS = "toolbox" // the target's, with the toolbox at /dev/.dlx
	FSHost    FS = "host"    // the host's, with the target's /proc
	FSTarget  FS = "target"  // the target's, and nothing else
)

// DebugRequest says what to run in a target. Zero values are the defaults.
type DebugRequest struct {
	Target   string
	Stopped  bool     // Target is a container that does not run: its files, with a layer on top that goes with the session
	FS       FS       // FSToolbox
	Profile  string   // "general"
	User     string   // root, or nobody under the profile restricted
	Dir      string   // working directory; the target's own
	Env      []string // NAME=VALUE, over the target's
	ClearEnv bool     // without the target's variables
	KeepEnv  bool     // with all of them, those included that tools run, load or read things by
	Command  []string // a shell
	TTY      bool
	Term     string // the kind of terminal, for TERM
	ReadOnly bool   // every file system of the view read-only, and no CAP_SYS_ADMIN
	Timeout  time.Duration
	// Toolboxes are shown above the one that comes with dlx, the first one first.
	Toolboxes []ToolboxRef
	Devices   []string // /dev/NAME[:ACCESS], ACCESS of r, w and m: the host's, which the container may not open
	Memory    int64    // bytes; 1 GiB
	Pids      int64    // processes and threads; 512
	Hold      Hold     // the session begins when the container ends or starts, and it is held
}

// Streams is what a session's user sees, types and is told.
type Streams = shell.Streams

// Restraints are what holds a session back.
type Restraints = shell.Restraints

// WindowSize is a terminal's size in characters.
type WindowSize = shell.WindowSize

// CaptureRequest says which packets of a target to write. Zero values are the defaults.
type CaptureRequest struct {
	Targets   []string
	Labels    []string // KEY or KEY=VALUE: containers that have all of them, those to come included
	Interface string   // every one, those to come included
	Direction capture.Direction
	SnapLen   int    // bytes kept of a packet; 262144
	Filter    string // a pcap-filter(7) expression
	Count     uint64 // packets; no limit
	MaxBytes  uint64 // of the file; no limit
	RingSize  int    // bytes; 32 MiB
	NoProcess bool   // without the processes that packets belong to
	NoNames   bool   // without the names of containers that addresses belong to
	// Own are connections of who asks for the capture. Where a target has the engine's own network
	// namespace they are left out: each packet shown over one would make another.
	Own     []Connection
	Latency time.Duration // after which a packet is written although more would be written with it; 50 ms
	// User is the number of who asks for the capture. All captures of a user other than root, 0,
	// together take no more of the host's memory than a bound: fault.QuotaExceeded.
	User uint32
}

// Sink is where a capture goes. Begin is called once, when all sockets are open
// and the filter is on. Then Blocks is called with whole blocks of pcapng.
// capture.ToWriter makes one of an io.Writer.
type Sink = capture.Sink

// Connection is a TCP connection, by its two ends.
type Connection struct {
	Local  netip.AddrPort `json:"local"`
	Remote netip.AddrPort `json:"remote"`
}

// CaptureStats are a capture's closing figures, in packets.
type CaptureStats struct {
	Captured uint64       `json:"captured"`
	Bytes    uint64       `json:"bytes"`              // of the file
	Received uint64       `json:"received"`           // by the filter
	Dropped  uint64       `json:"dropped"`            // by the kernel
	Skipped  []string     `json:"skipped,omitempty"`  // interfaces that the filter has no program for, and why
	Restarts []string     `json:"restarts,omitempty"` // of containers, and how long was not captured
	LeftOut  []Connection `json:"left_out,omitempty"` // of the request's Own
	// TargetEnded says that the capture ended because the containers did.
	TargetEnded bool `json:"target_ended,omitempty"`
}

// InjectRequest names the target.
type InjectRequest struct {
	Target    string
	Toolboxes []ToolboxRef // as in DebugRequest; without any, whatever is there already will do
}

// InjectResult says what is where.
type InjectResult struct {
	Target  string `json:"target"`
	Runtime string `json:"runtime"` // its scheme
	ID      string `json:"id"`
	Path    string `json:"path"`              // inside the container
	Shell   string `json:"shell"`             // inside the container; "" if there is none
	Program string `json:"program,omitempty"` // inside the container, where there is no shell: what else can be run
	Already bool   `json:"already"`           // it was there
	// Toolboxes are what is there. The first one's files are above the others'. There are none if
	// an older dlx has placed it.
	Toolboxes []toolbox.Part `json:"toolboxes"`
}

// EjectRequest names the target, or all.
type EjectRequest struct {
	Target string
	All    bool
}

// EjectResult says what became of one injected toolbox.
type EjectResult struct {
	Target string   `json:"target"`
	ID     string   `json:"id"`
	Left   []string `json:"left,omitempty"` // entries that are not the toolbox's, or were changed
	Gone   bool     `json:"gone,omitempty"` // the container had been removed
}
