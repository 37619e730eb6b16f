package agent

import (
	"sync"
	"time"
)

// lines bound how many lines of the log a caller has in a minute: who asks again and again would
// fill the disk with them.
type lines struct {
	mu    sync.Mutex
	since time.Time // when the minute began
	of    map[string]int
}

const (
	lineWindow = time.Minute
	maxLines   = 120
	maxCallers = 4096 // whose lines are counted
)

// take says whether a caller has a line left, and whether it is the last one of the minute.
func (l *lines) take(who string, now time.Time) (say, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || now.Sub(l.since) >= lineWindow {
		l.since, l.of = now, map[string]int{}
	}
	if _, known := l.of[who]; !known && len(l.of) >= maxCallers {
		return false, false
	}
	l.of[who]++
	return l.of[who] <= maxLines, l.of[who] == maxLines
}
