package audit

import (
	"fmt"
	"time"
)

// Fault is what is wrong with a log.
type Fault string

// What is found. A log without any is the one that was written, as far as Report.Anchored and
// Report.Stopped say.
const (
	Edited  Fault = "edited"  // a line is not the one that was written
	Removed Fault = "removed" // lines between others are not there
	Moved   Fault = "moved"   // a line is there twice, or somewhere else
	Missing Fault = "missing" // the log's beginning
	Cut     Fault = "cut"     // the log's end
	Partial Fault = "torn"    // its last line is a part of one
	Foreign Fault = "foreign" // the key that was given has not signed it
	Differs Fault = "differs" // from what was kept elsewhere
	Silent  Fault = "silent"  // nothing was written for too long
)

// Finding is one place where a log is not as it was written.
type Finding struct {
	Fault Fault  `json:"fault"`
	File  string `json:"file"`
	Line  int    `json:"line"` // from 1; 0 is the whole file
	Seq   uint64 `json:"seq"`  // that the line has or would have
	Text  string `json:"text"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: entry %d: %s: %s", f.File, f.Line, f.Seq, f.Fault, f.Text)
}

// Note is what a log itself tells and who verifies it should know.
type Note struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Seq  uint64 `json:"seq"`
	Text string `json:"text"`
}

func (n Note) String() string {
	return fmt.Sprintf("%s:%d: entry %d: %s", n.File, n.Line, n.Seq, n.Text)
}

// Report is what Verify has seen.
type Report struct {
	Files   int       `json:"files"`
	Entries uint64    `json:"entries"`
	First   uint64    `json:"first"` // sequences
	Last    uint64    `json:"last"`
	At      time.Time `json:"at"`    // the last one's
	Epoch   uint64    `json:"epoch"` // that the last one is of
	Sealed  uint64    `json:"sealed"`
	// Anchored is the sequence from which on the key that was given vouches for the log. It is 0 if
	// none was given: then only the log itself does, and whoever could write all of it anew.
	Anchored uint64 `json:"anchored"`
	Key      string `json:"key"`     // the ID of the log's first key
	Stopped  bool   `json:"stopped"` // the last entry closes the log, or its writer runs

	Findings []Finding `json:"findings"`
	More     int       `json:"more,omitempty"` // findings that are not listed
	Notes    []Note    `json:"notes"`
}

// OK says that nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Bounds of a report.
const (
	maxFindings = 1000
	maxNotes    = 1000
)

func (r *Report) find(f Finding) {
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

func (r *Report) note(n Note) {
	if len(r.Notes) < maxNotes {
		r.Notes = append(r.Notes, n)
	}
}
