package audit

import (
	"time"

	"dlx/shell"
)

// Version is that of the format.
const Version = 1

// Kind is what a line tells of. Readers pass over kinds that they do not know.
type Kind string

// The kinds.
const (
	KindFile       Kind = "file"       // the first line of each file
	KindStart      Kind = "start"      // a writer has opened the log
	KindStop       Kind = "stop"       // and closed it
	KindBegin      Kind = "begin"      // work that is about to start
	KindEnd        Kind = "end"        // what has become of it
	KindRefused    Kind = "refused"    // work that was asked for and is not done
	KindRan        Kind = "ran"        // what was started in a session since its begin
	KindSweep      Kind = "sweep"      // recordings and captures that were removed, for their age or size, or by who
	KindFetch      Kind = "fetch"      // a capture that was kept, and who is about to have it
	KindCheckpoint Kind = "checkpoint" // the last line of an epoch
)

// Entry is a line of the log. The writer sets the first group, the caller all else that applies.
type Entry struct {
	V     int       `json:"v"`
	Seq   uint64    `json:"seq"`   // from 1, without gaps, over all files
	Prev  string    `json:"prev"`  // SHA-256 of the line before without its line feed; "" of the first one
	Epoch uint64    `json:"epoch"` // from 1: whose key has signed the line
	Time  time.Time `json:"time"`
	// Mono is a clock that nobody sets: milliseconds since the log was opened.
	Mono int64 `json:"mono_ms"`
	// Step is by how many milliseconds the clock was set since the line before, if by a second or
	// more.
	Step int64 `json:"clock_step_ms,omitempty"`

	Kind      Kind       `json:"kind"`
	ID        string     `json:"id,omitempty"` // of an operation: its begin's and its end's, and its recording's
	Who       *Who       `json:"who,omitempty"`
	Verb      string     `json:"verb,omitempty"`
	Trace     string     `json:"trace,omitempty"` // the ID of the call's, which its caller may have chosen
	Decision  *Decision  `json:"decision,omitempty"`
	Reason    string     `json:"reason,omitempty"` // that was given for the work
	Target    *Target    `json:"target,omitempty"`
	Session   *Session   `json:"session,omitempty"`
	Capture   *Capture   `json:"capture,omitempty"`
	Toolboxes []Toolbox  `json:"toolboxes,omitempty"`
	Outcome   *Outcome   `json:"outcome,omitempty"`
	Ran       *Ran       `json:"ran,omitempty"`       // in a session
	Recording *Recording `json:"recording,omitempty"` // or the file of a capture that goes on without its client
	Removed   []string   `json:"removed,omitempty"`   // of a sweep: the IDs
	Text      string     `json:"text,omitempty"`

	File       *File       `json:"file,omitempty"`
	Start      *Start      `json:"start,omitempty"`
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	// Clipped are fields that were too long for a line, or not UTF-8.
	Clipped []Clip `json:"clipped,omitempty"`
}

// Who asks for the work, and how that is known.
type Who struct {
	User string  `json:"user"`
	UID  *uint32 `json:"uid,omitempty"`
	How  string  `json:"how"`            // such as "peercred", "mtls"
	From string  `json:"from,omitempty"` // an address, or the process at the other end of a socket
	Key  string  `json:"key,omitempty"`  // of a certificate: sha256:HEX
}

// Decision is what the policy says.
type Decision struct {
	Allowed bool   `json:"allowed"`
	Rule    string `json:"rule,omitempty"`
	Policy  string `json:"policy,omitempty"` // its digest: sha256:HEX
	Why     string `json:"why,omitempty"`
}

// Target is the container, and the process of it that is held.
type Target struct {
	Subject    string            `json:"subject,omitempty"`
	Runtime    string            `json:"runtime"`
	ID         string            `json:"id"`
	Name       string            `json:"name,omitempty"`
	Image      string            `json:"image,omitempty"`
	Digest     string            `json:"image_digest,omitempty"`
	PID        int               `json:"pid,omitempty"`
	Started    uint64            `json:"start_ticks,omitempty"` // the process's, since boot (proc_pid_stat(5), field 22)
	Namespaces map[string]uint64 `json:"namespaces,omitempty"`  // inodes
}

// Session is what a session has.
type Session struct {
	FS         string            `json:"fs,omitempty"`
	UID        uint32            `json:"uid"`
	GID        uint32            `json:"gid"`
	Groups     []uint32          `json:"groups,omitempty"`
	Command    []string          `json:"command,omitempty"`
	Dir        string            `json:"dir,omitempty"`
	TTY        bool              `json:"tty,omitempty"`
	ReadOnly   bool              `json:"read_only,omitempty"`
	Devices    []string          `json:"devices,omitempty"`
	Restraints *shell.Restraints `json:"restraints,omitempty"`
}

// Capture is what a capture gets.
type Capture struct {
	Interface string `json:"interface,omitempty"`
	Filter    string `json:"filter,omitempty"`
	SnapLen   int    `json:"snaplen,omitempty"`
}

// Toolbox is what a session is shown, and whose word for it is taken.
type Toolbox struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Key     string `json:"key"`
}

// Outcome is what has become of the work.
type Outcome struct {
	Exit    *int   `json:"exit,omitempty"`
	Error   string `json:"error,omitempty"`
	Bytes   uint64 `json:"bytes,omitempty"`
	Packets uint64 `json:"packets,omitempty"`
	Drops   uint64 `json:"drops,omitempty"`
}

// Recording is the file that a session was recorded in.
type Recording struct {
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"` // sha256:HEX of the whole file, once it is complete
	Bytes  int64  `json:"bytes,omitempty"`
	Input  bool   `json:"input,omitempty"` // what was typed is in it too
}

// File is what the first line of a file tells. The line's Prev is the digest of the last line of
// the file before, and its Seq that line's and one.
type File struct {
	Host string   `json:"host"`
	Key  string   `json:"key"`            // public, of the line's epoch: base64 of 32 bytes
	Open []string `json:"open,omitempty"` // operations that have begun and not ended
	Torn *Torn    `json:"torn,omitempty"`
}

// Torn is the end of the file before: a line that its writer was killed in. Nobody was told that it
// was recorded. It stays where it is.
type Torn struct {
	Offset int64  `json:"offset"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Start is what a writer finds when it opens the log.
type Start struct {
	Program string `json:"program"` // its version
	Boot    string `json:"boot,omitempty"`
	PID     int    `json:"pid"`
	Killed  bool   `json:"killed,omitempty"` // the writer before did not close the log
	// Unfinished are operations that have begun, and whose end nobody has seen.
	Unfinished []string `json:"unfinished,omitempty"`
}

// Checkpoint ends an epoch.
type Checkpoint struct {
	Key    string `json:"key"`  // public, of this epoch: base64 of 32 bytes
	Next   string `json:"next"` // of the next one
	Unsent uint64 `json:"unsent,omitempty"`
}

// Clip is a field of which the line has the beginning, or in another form.
type Clip struct {
	Field  string `json:"field"`
	Bytes  int    `json:"bytes"`  // of the whole: of a list, with a NUL byte behind each part
	SHA256 string `json:"sha256"` // of the same
}
