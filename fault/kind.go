package fault

// Kind is what sort of thing went wrong. It is a name that stays, for metrics and for other
// programs, and an error itself, for errors.Is.
type Kind string

func (k Kind) Error() string { return string(k) }

// Internal is what no client can tell apart from anything else.
const Internal Kind = "internal"

// About what is asked for.
const (
	BadRequest     Kind = "bad-request"
	BadTarget      Kind = "bad-target"      // text that names no container
	BadProfile     Kind = "bad-profile"     // Detail: those that there are
	BadFileSystem  Kind = "bad-file-system" // for a session
	BadUser        Kind = "bad-user"
	BadVariable    Kind = "bad-variable"
	BadDevice      Kind = "bad-device"
	BadFilter      Kind = "bad-filter"      // Detail: the place, as lines
	NoInterface    Kind = "no-interface"    // Detail: those that there are
	RootRestricted Kind = "root-restricted" // root under a profile without it
	HostFile       Kind = "host-file"       // a file of the engine's machine is not for requests to name
)

// About containers.
const (
	NotFound      Kind = "not-found" // Detail: names that may be meant
	NoProcess     Kind = "no-process"
	Ambiguous     Kind = "ambiguous" // Detail: SCHEME://ID (NAME) of each
	NotRunning    Kind = "not-running"
	Running       Kind = "running" // where one that does not run is wanted
	NoImage       Kind = "no-image"
	NoStill       Kind = "no-still" // no way to the files of what does not run
	Changed       Kind = "changed"  // while dlx took hold of it
	KernelThread  Kind = "kernel-thread"
	NoNetNS       Kind = "no-netns"       // no network namespace of that name
	NotNetNS      Kind = "not-netns"      // another file is there
	WrongTarget   Kind = "wrong-target"   // one of a kind that the verb does not take
	NoFiles       Kind = "no-files"       // the target has none to show
	NoRuntime     Kind = "no-runtime"     // that answers
	RuntimeSilent Kind = "runtime-silent" // while others answer
	RemoteRuntime Kind = "remote-runtime" // its processes are not here
	SocketDenied  Kind = "socket-denied"
)

// About the engine and its machine.
const (
	NoPrivileges  Kind = "no-privileges"
	NoLimits      Kind = "no-limits"     // of a session's can be had
	TooFewFiles   Kind = "too-few-files" // that may be open
	QuotaExceeded Kind = "quota-exceeded"
	OldKernel     Kind = "old-kernel"
	TimedOut      Kind = "timed-out"
	Refused       Kind = "refused" // by a gate
)

// About the audit log and recordings: see NoRecord, too.
const (
	BadLog      Kind = "bad-log"      // the audit log is not as it was written
	NoRecording Kind = "no-recording" // of that name
)

// About sessions.
const (
	CommandNotFound   Kind = "command-not-found"
	CommandNotHere    Kind = "command-not-here" // in the container's own files, which are all there is
	CommandNotRun     Kind = "command-not-run"
	NoWorkdir         Kind = "no-workdir"
	TargetEnded       Kind = "target-ended"
	SessionKilled     Kind = "session-killed"
	EnvironmentTooBig Kind = "environment-too-big"
	MemoryTooLow      Kind = "memory-too-low"
	SeccompDenies     Kind = "seccomp-denies" // the container's filter, the session's first process
	LabelDenies       Kind = "label-denies"   // the container's label, the same
	KeeperLost        Kind = "keeper-lost"
	UnmappedID        Kind = "unmapped-id"
	HostExposed       Kind = "host-exposed" // to a container that could trace the session
	NoDev             Kind = "no-dev"       // no /dev to show the toolbox in
)

// About containers that are waited for and held.
const (
	Traced       Kind = "traced"        // by another process
	NotTraceable Kind = "not-traceable" // the kernel forbids it
	NoRestart    Kind = "no-restart"    // it never starts again
)

// About certificates, for an agent and for who uses one.
const (
	BadCertificate Kind = "bad-certificate" // none that serves; about the file
	NoCA           Kind = "no-ca"           // in a folder
	NotIssued      Kind = "not-issued"      // by a CA, under that name or number
)

// About toolboxes in containers.
const (
	NoLayer        Kind = "no-layer"         // no way to the container's files
	NoStoppedLayer Kind = "no-stopped-layer" // the same, and it does not run
	OtherToolbox   Kind = "other-toolbox"    // Detail: those that are there
	NotInjected    Kind = "not-injected"
	Removed        Kind = "removed" // the container, with the toolbox in it
	ToolboxGone    Kind = "toolbox-gone"
	ToolboxMoved   Kind = "toolbox-moved" // Detail: where to
	ToolboxStuck   Kind = "toolbox-stuck" // Detail: what could not be taken out
	BadRecord      Kind = "bad-record"
)

// About toolboxes and their keys.
const (
	NoToolbox      Kind = "no-toolbox"      // Detail: those that there are
	ToolboxExists  Kind = "toolbox-exists"  // another one of the name and version
	ToolboxRefused Kind = "toolbox-refused" // the reason is wrapped, and Detail says what to do
	BadArchive     Kind = "bad-archive"     // larger than a toolbox can be
	BadKey         Kind = "bad-key"
	OpenKey        Kind = "open-key" // a private key that others can read
	NotOwned       Kind = "not-owned"
	Writable       Kind = "writable" // by others
	BadSignature   Kind = "bad-signature"
	NoLibrary      Kind = "no-library" // that a program needs
	OneLinkType    Kind = "one-link-type"
)

// About an agent, and the way to it.
const (
	NoAgent   Kind = "no-agent"   // nobody answers there
	BadAgent  Kind = "bad-agent"  // an address that is none
	Cut       Kind = "cut"        // the connection, before the end was told
	OldAgent  Kind = "old-agent"  // Detail: its version, this one's
	Unknown   Kind = "unknown"    // who asks
	TooMany   Kind = "too-many"   // at once, or in a time
	NoSession Kind = "no-session" // of that ID
	NoCapture Kind = "no-capture" // of that ID, for who asks
	StillOn   Kind = "still-on"   // a capture that is to be removed
	NoRoom    Kind = "no-room"    // for captures, on the agent's disk
	BadCopy   Kind = "bad-copy"   // of a capture's file
	NoContext Kind = "no-context" // of that name
	NoRecord  Kind = "no-record"  // can be written of the work, which is not done then
)
