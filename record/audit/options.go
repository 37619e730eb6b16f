package audit

import (
	"cmp"
	"errors"
	"time"
)

// Options of a Log. Zero values are the defaults.
type Options struct {
	Program string // its version, for the record
	// MaxBytes is how large a file becomes; 64 MiB. MaxAge is how old; a day.
	MaxBytes int64
	MaxAge   time.Duration
	// Interval is how long a line waits for its checkpoint; a minute. Heartbeat is after how long
	// without any line there is one all the same; 15 minutes.
	Interval, Heartbeat time.Duration
	// LateSeal leaves the checkpoint after a begin to Interval: a session that takes the host over
	// meanwhile can take the record of its own beginning out. It spares two of three syncs.
	LateSeal bool
	// MaxOpen is how many operations may be under way, each with room for its end; 1024.
	MaxOpen int
	// Sink gets the line of each checkpoint, within SinkLimit (5 s). With SinkRequired nothing
	// begins whose checkpoint it has not taken.
	Sink         Sink
	SinkLimit    time.Duration
	SinkRequired bool

	now  func() time.Time // the clock that can be set
	mono func() time.Duration
}

func (o Options) defaults() Options {
	o.MaxBytes = cmp.Or(o.MaxBytes, 64<<20)
	o.MaxAge = cmp.Or(o.MaxAge, 24*time.Hour)
	o.Interval = cmp.Or(o.Interval, time.Minute)
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Minute)
	o.MaxOpen = cmp.Or(o.MaxOpen, 1024)
	o.SinkLimit = cmp.Or(o.SinkLimit, 5*time.Second)
	if o.now == nil {
		o.now = time.Now
	}
	if o.mono == nil {
		opened := time.Now()
		o.mono = func() time.Duration { return time.Since(opened) }
	}
	return o
}

// Why there is no record. Each is within a fault.NoRecord.
var (
	ErrFull     = errors.New("the disk has no room for it")
	ErrGone     = errors.New("the log's file was removed, replaced or cut while it was open")
	ErrTouched  = errors.New("somebody else has written to the log's file")
	ErrLocked   = errors.New("another process writes the log")
	ErrTampered = errors.New("the log is not as it was left")
	ErrReserve  = errors.New("the file system can not set room aside (fallocate(2))")
	ErrTooMany  = errors.New("too many operations are under way")
	ErrSink     = errors.New("the sink has not taken the checkpoint")
	ErrClosed   = errors.New("the log is closed")
	ErrBadID    = errors.New("an operation's ID is 1 to 64 of A-Z a-z 0-9 . _ -, not a dot first, and no other one's that is under way")
)
