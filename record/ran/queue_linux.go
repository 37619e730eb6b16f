package ran

import (
	"time"

	"dlx/record/audit"
)

// Bounds of what is recorded of one session, in bytes of JSON. It begins with burst, and gets
// refill more each second, up to burst again.
const (
	burst    = 8 << 20
	refill   = 4 << 10
	maxQueue = 1 << 20  // that waits to be written
	maxPart  = 40 << 10 // of one entry; a line of the log has 64 KiB
	maxLast  = 4 << 10  // of a session's end, a line for which there is always room, and not much
	maxParts = 512      // programs and ends in one entry
)

// queue is what waits to be written of one session, within the bounds. What they leave out is
// counted.
type queue struct {
	items   []item
	bytes   int
	budget  int
	at      time.Time // of the budget
	skipped uint64    // since the last part
}

// item is a program or an end, and how much it takes at most.
type item struct {
	program *audit.Program
	ended   *audit.Ended
	size    int
}

func newQueue(now time.Time) queue { return queue{budget: burst, at: now} }

// program adds one, and says whether there is enough for an entry.
func (q *queue) program(p audit.Program, now time.Time) (full bool) {
	if !q.add(item{program: &p, size: programSize(&p)}, now) {
		q.skipped++
	}
	return q.bytes >= maxPart
}

// end adds the end of a program. Of one that waits, it is a part.
func (q *queue) end(e audit.Ended, now time.Time) (full bool) {
	if n := len(q.items); n > 0 {
		for i := n - 1; i >= 0 && n-i <= maxParts; i-- {
			if p := q.items[i].program; p != nil && p.N == e.N {
				p.Status = &e.Status
				return q.bytes >= maxPart
			}
		}
	}
	q.add(item{ended: &e, size: endedSize}, now)
	return q.bytes >= maxPart
}

// Sizes that are no less than what an item takes as JSON, but for its texts. A program's has room
// for its end.
const (
	endedSize = 120
	numbers   = 500
)

// programSize is no less than a program takes in a line of the record.
func programSize(p *audit.Program) int {
	n := numbers + textSize(p.Path) + textSize(p.Interpreter) + textSize(p.File)
	for _, arg := range p.Args {
		n += textSize(arg) + len(`"",`)
	}
	return n
}

// textSize is no less than a text takes as JSON, in which any byte may be \uXXXX.
func textSize(s string) (n int) {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~':
			n += len(`\u0000`)
		case c == '"' || c == '\\':
			n += 2
		default:
			n++
		}
	}
	return n
}

// add adds an item if the bounds let it.
func (q *queue) add(i item, now time.Time) bool {
	if gone := now.Sub(q.at); gone >= time.Second {
		q.budget, q.at = min(burst, q.budget+int(min(gone.Seconds(), burst/refill)*refill)), now
	}
	if i.size > q.budget || q.bytes+i.size > maxQueue {
		return false
	}
	q.budget -= i.size
	q.bytes += i.size
	q.items = append(q.items, i)
	return true
}

// next takes the next entry out, nil if there is none, and says whether there is more.
func (q *queue) next() (part *audit.Ran, more bool) {
	if len(q.items) == 0 && q.skipped == 0 {
		return nil, false
	}
	part = &audit.Ran{}
	size, n := 0, 0
	for _, i := range q.items {
		if n == maxParts || n > 0 && size+i.size > maxPart {
			break
		}
		size, n = size+i.size, n+1
		if i.program != nil {
			part.Programs = append(part.Programs, *i.program)
		} else {
			part.Ended = append(part.Ended, *i.ended)
		}
	}
	q.bytes -= size
	q.items = q.items[n:]
	if len(q.items) == 0 {
		q.items = nil
		part.LeftOut, q.skipped = q.skipped, 0 // what is left out comes behind what waits
	}
	return part, len(q.items) > 0
}
