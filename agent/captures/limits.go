package captures

import "time"

// Limits bound all that a store has. Zero is no limit.
type Limits struct {
	UserBytes int64 // of one user's files
	Bytes     int64 // of all files
	Free      int64 // bytes of the disk that captures leave
	// How many there may be.
	UserRunning, Running, UserKept, Kept int
	// How long a file stays once its capture has ended, and how large all files become before the
	// oldest of those go whose captures have ended.
	MaxAge  time.Duration
	MaxSize int64
}

// Defaults are an agent's, unless its flags say more.
var Defaults = Limits{
	UserBytes: 4 << 30, Bytes: 16 << 30, Free: 1 << 30, UserRunning: 8, Running: 32, UserKept: 100, Kept: 1000,
	MaxAge: 7 * 24 * time.Hour, MaxSize: 12 << 30,
}

// Maximal bounds of what no flag sets.
const (
	maxSections = 100     // that a file has: how often an agent may end while a capture goes on
	leastRoom   = 1 << 20 // bytes, without which none is begun
	syncEvery   = 5 * time.Second
	tempAge     = time.Hour // after which what has not become a file never will
	maxNames    = 1 << 16   // in the directory
)
