package captures

import "time"

// Info is what is told of a capture.
type Info struct {
	ID        string    `json:"id"`
	User      string    `json:"user"` // for people
	Reason    string    `json:"reason,omitempty"`
	Targets   []string  `json:"targets,omitempty"` // as they were asked for
	Labels    []string  `json:"labels,omitempty"`
	Interface string    `json:"interface,omitempty"`
	Filter    string    `json:"filter,omitempty"`
	Started   time.Time `json:"started"`
	Until     time.Time `json:"until"`          // when its time is up
	Ended     time.Time `json:"ended,omitzero"` // zero: it goes on
	Why       string    `json:"why,omitempty"`  // it has ended
	MaxBytes  uint64    `json:"max_bytes"`      // of the file
	Bytes     uint64    `json:"bytes"`          // of the file, in whole blocks
	Packets   uint64    `json:"packets"`
	Dropped   uint64    `json:"dropped"`          // packets, by the kernel
	SHA256    string    `json:"sha256,omitempty"` // of the whole file in hex, once it has ended
	Gaps      []Gap     `json:"gaps,omitempty"`
}

// Running says whether the capture has not ended.
func (i *Info) Running() bool { return i.Ended.IsZero() }

// Gap is a time in which nothing was captured, because the agent did not run.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"` // zero: it lasts
	Why  string    `json:"why"`
}
