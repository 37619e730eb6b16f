package audit

import "time"

// Ran is what was started in a session: a part of it in the entries of their own, and in the end
// how much it was. Programs of which nothing is told are counted.
type Ran struct {
	Programs []Program `json:"programs,omitempty"` // in the order in which they were started
	Ended    []Ended   `json:"ended,omitempty"`    // programs of entries before
	// Lost are programs that the kernel could not tell of, LeftOut those for which the record has
	// no room.
	Lost    uint64 `json:"lost,omitempty"`
	LeftOut uint64 `json:"left_out,omitempty"`
	// Started are all programs. Missed is how often the kernel has not told of one of any session,
	// because it was telling already.
	Started uint64 `json:"started,omitempty"`
	Missed  uint64 `json:"missed,omitempty"`
	// Unknown is why nothing is known.
	Unknown string `json:"unknown,omitempty"`

	Changes *Changes `json:"changes,omitempty"` // of the last entry
}

// Program is one that a process of the session has executed.
type Program struct {
	N      uint64    `json:"n"` // from 1, in the session
	Time   time.Time `json:"time"`
	PID    uint32    `json:"pid"` // on the host
	Parent uint32    `json:"parent"`
	UID    uint32    `json:"uid"` // on the host
	GID    uint32    `json:"gid"`
	EUID   *uint32   `json:"euid,omitempty"` // if it is another one
	Path   string    `json:"path"`           // as it was executed
	// Interpreter is that of a script, and File the last part of the path of the file that the
	// kernel has loaded, if that is another one: behind a symbolic link, or in memory alone.
	Interpreter string   `json:"interpreter,omitempty"`
	File        string   `json:"file,omitempty"`
	Inode       uint64   `json:"inode,omitempty"`
	Device      string   `json:"device,omitempty"` // MAJOR:MINOR
	Args        []string `json:"args,omitempty"`
	// ArgsBytes is how long all arguments are, of which Args is the beginning. Unread says that
	// they could not be read.
	ArgsBytes int  `json:"args_bytes,omitempty"`
	Unread    bool `json:"args_unread,omitempty"`
	PathCut   bool `json:"path_cut,omitempty"`
	*Status
}

// Status is how a program has ended: with a status of its own, or by a signal.
type Status struct {
	End    time.Time `json:"end"`
	Exit   *int      `json:"exit,omitempty"`
	Signal int       `json:"signal,omitempty"`
}

// Ended is the end of a program that is in an entry before.
type Ended struct {
	N uint64 `json:"n"`
	Status
}

// Changes are what has changed in the container's writable layer while a session was under way, by
// the session or by the container itself, as it is in the end. What was made and removed meanwhile
// is not there; its directory has changed.
type Changes struct {
	List []Change `json:"list,omitempty"`
	More int      `json:"more,omitempty"` // that there is no room for
	// Unknown is why it is not known, or not all of it.
	Unknown string `json:"unknown,omitempty"`
}

// Change is a file that was made or changed, in its content or by its attributes, or removed.
type Change struct {
	Path string    `json:"path"` // in the container
	Kind string    `json:"kind"` // file, directory, link, socket, pipe, device, or removed
	Time time.Time `json:"time"` // of its last change
	UID  uint32    `json:"uid"`  // of its owner, on the host
	Mode string    `json:"mode,omitempty"`
	Size int64     `json:"size,omitempty"`
}
