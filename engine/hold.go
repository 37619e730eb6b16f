package engine

import (
	"time"

	"dlx/shell"
)

// Hold says what of a container is waited for before a session begins, and held during it. The zero
// value is nothing.
type Hold struct {
	When  When
	Limit time.Duration // the longest that it is held; DefaultHold
}

// When says what of a container is waited for.
type When string

// What can be waited for.
const (
	OnExit  When = "on-exit"  // its next end: its processes, memory and files are there
	OnStart When = "on-start" // its next start: no instruction of its program has run
)

// DefaultHold is how long a container is held if the request does not say.
const DefaultHold = 10 * time.Minute

// HoldNews is how it goes with a container that is waited for and held.
type HoldNews = shell.HoldNews
