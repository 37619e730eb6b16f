package attribution

import "time"

// budget bounds the time that something takes to a share of all time. What is not used is kept, up
// to a bound.
type budget struct {
	share int64         // one part in so many
	most  time.Duration // that is kept
	saved time.Duration // below zero if more was spent
	as    time.Time     // of this
}

// left says whether there is time to spend.
func (b *budget) left(now time.Time) bool {
	b.save(now)
	return b.saved > 0
}

// save adds what came in since the last time.
func (b *budget) save(now time.Time) {
	if b.as.IsZero() {
		b.saved = b.most
	} else {
		b.saved = min(b.saved+now.Sub(b.as)/time.Duration(b.share), b.most)
	}
	b.as = now
}

// spend takes time off.
func (b *budget) spend(now time.Time, took time.Duration) {
	b.save(now)
	b.saved -= took
}

// debt is how long it takes until there is time to spend again.
func (b *budget) debt(now time.Time) time.Duration {
	if b.left(now) {
		return 0
	}
	return (1 - b.saved) * time.Duration(b.share)
}
