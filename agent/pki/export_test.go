package pki

import "time"

// SetClock has a CA take another time for now.
func SetClock(c *CA, now func() time.Time) { c.now = now }
