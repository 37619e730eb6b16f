package crio

import "time"

// Limit bounds each question from here on.
func (r *Runtime) Limit(d time.Duration) { r.limit = d }

// Pace is the time between two looks at what runs from here on.
func (r *Runtime) Pace(d time.Duration) { r.pace = d }
