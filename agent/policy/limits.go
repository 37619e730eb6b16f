package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"dlx/internal/strictyaml"
)

// Limits bound what a rule allows; 0 is no limit. Whoever asks for more than Time, Memory or Pids
// is refused. Who asks for no time has what the limit is: the caller ends it then, as it sees to
// Bytes, Sessions, Ring and Rate, of which an operation says nothing.
type Limits struct {
	Time     time.Duration `json:"time,omitempty"`     // of a session, a capture, a hold
	Bytes    int64         `json:"bytes,omitempty"`    // of a capture
	Sessions int           `json:"sessions,omitempty"` // operations under this rule at once, of one person
	Memory   int64         `json:"memory,omitempty"`   // bytes, of a session
	Pids     int64         `json:"pids,omitempty"`     // processes and threads of a session
	Ring     int64         `json:"ring,omitempty"`     // bytes of the host's memory, of a capture
	Rate     int64         `json:"rate,omitempty"`     // bytes a second, of an operation's output or packets
}

var limitKeys = []string{"time", "bytes", "sessions", "memory", "pids", "ring", "rate"}

// Kept says whether the engine keeps to the limits by itself once it was let through. Otherwise
// somebody has to see to them.
func (l Limits) Kept() bool { return l == Limits{Memory: l.Memory, Pids: l.Pids} }

func (l Limits) String() string {
	var parts []string
	add := func(set bool, key, value string) {
		if set {
			parts = append(parts, key+" "+value)
		}
	}
	add(l.Time > 0, "time", span(l.Time))
	add(l.Bytes > 0, "bytes", units.BytesSize(float64(l.Bytes)))
	add(l.Sessions > 0, "sessions", strconv.Itoa(l.Sessions))
	add(l.Memory > 0, "memory", units.BytesSize(float64(l.Memory)))
	add(l.Pids > 0, "pids", strconv.FormatInt(l.Pids, 10))
	add(l.Ring > 0, "ring", units.BytesSize(float64(l.Ring)))
	add(l.Rate > 0, "rate", units.BytesSize(float64(l.Rate)))
	return strings.Join(parts, ", ")
}

// span is a time as people write it: 1h, and not 1h0m0s.
func span(d time.Duration) string {
	text := d.String()
	for _, end := range []string{"m0s", "h0m"} {
		if short, ok := strings.CutSuffix(text, end); ok {
			text = short + end[:1]
		}
	}
	return text
}

// lacks compares what an operation tells with the limits.
func (l Limits) lacks(q *question) string {
	if h := q.op.Hold; h != nil && l.Time > 0 && (h.Limit > l.Time || h.Limit <= 0) {
		return fmt.Sprintf("it holds the container for %s, and the limit of time is %s", span(h.Limit), span(l.Time))
	}
	s := q.op.Session
	switch {
	case s == nil:
	case l.Time > 0 && s.Timeout > l.Time:
		return fmt.Sprintf("it takes %s, and the limit of time is %s", span(s.Timeout), span(l.Time))
	case l.Memory > 0 && (s.Memory > l.Memory || s.Memory <= 0):
		return fmt.Sprintf("it may take %s of memory, and the limit is %s", units.BytesSize(float64(s.Memory)), units.BytesSize(float64(l.Memory)))
	case l.Pids > 0 && (s.Pids > l.Pids || s.Pids <= 0):
		return fmt.Sprintf("it may have %d processes, and the limit of pids is %d", s.Pids, l.Pids)
	case (l.Memory > 0 || l.Pids > 0) && s.Restraints.Unlimited:
		return "nothing keeps the session to the limits of memory and pids"
	}
	return ""
}

func (l Limits) touches(*question) bool { return false }

func readLimits(r *reader, f strictyaml.Field) condition {
	l := Limits{}
	for key, v := range r.Fields(f.Value, "limits", limitKeys) {
		switch key {
		case "time":
			l.Time = one(r, v, key, parseTime)
		case "bytes":
			l.Bytes = one(r, v, key, parseSize)
		case "sessions":
			l.Sessions = int(one(r, v, key, parseCount))
		case "memory":
			l.Memory = one(r, v, key, parseSize)
		case "pids":
			l.Pids = one(r, v, key, parseCount)
		case "ring":
			l.Ring = one(r, v, key, parseSize)
		case "rate":
			l.Rate = one(r, v, key, parseSize)
		}
	}
	return l
}

func parseTime(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s is no time above zero, such as 90s, 30m or 8h", strictyaml.Quote(s))
	}
	return d, nil
}

// parseSize takes what the flags of the command line take.
func parseSize(s string) (int64, error) {
	n, err := units.RAMInBytes(s)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%s is no size such as 512m or 1g", strictyaml.Quote(s))
	}
	return n, nil
}

func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%s is no number above zero", strictyaml.Quote(s))
	}
	return n, nil
}
