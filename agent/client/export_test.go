package client

import "time"

// EndLimit has work that was cancelled end after another time.
func EndLimit(d time.Duration) (undo func()) {
	old := endLimit
	endLimit = d
	return func() { endLimit = old }
}
