package agent

import (
	"sync"

	"golang.org/x/time/rate"

	"dlx/fault"
)

// Most bounds what all callers have together. Zero is no limit.
type Most struct {
	Sessions int
	Captures int   // containers that are captured in, by whatever capture
	Ring     int64 // bytes of the host's memory for captures
	Rate     int64 // bytes a second of output and of captures
}

// together is what all have, and the bounds of it.
type together struct {
	most Most
	rate *rate.Limiter // nil: any

	mu  sync.Mutex
	now Most // without Rate
}

func newTogether(most Most) *together {
	return &together{most: most, rate: limiter(most.Rate)}
}

// leastBurst is what is sent at once at any rate: a message.
const leastBurst = 1 << 20

// limiter lets so many bytes a second through, and those of a second at once.
func limiter(bytes int64) *rate.Limiter {
	if bytes <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(bytes), int(min(max(bytes, leastBurst), 1<<30)))
}

// take takes what an operation has, and returns what gives it back.
func (t *together) take(a *admission) (give func(), err error) {
	var part Most
	switch {
	case a.op.Session != nil:
		part.Sessions = 1
	case a.op.Capture != nil: // of one container
		part.Captures, part.Ring = 1, a.op.Capture.Ring
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, bound := range []struct {
		have, more, most int64
		what             string
	}{
		{int64(t.now.Sessions), int64(part.Sessions), int64(t.most.Sessions), "sessions are under way"},
		{int64(t.now.Captures), int64(part.Captures), int64(t.most.Captures), "containers are captured in"},
		{t.now.Ring, part.Ring, t.most.Ring, "bytes of memory are captures'"},
	} {
		if bound.most > 0 && bound.more > 0 && bound.have+bound.more > bound.most {
			return nil, a.refusal(fault.TooMany, "%d %s, and %d is the most that all may have on this host together", bound.have, bound.what, bound.most)
		}
	}
	t.add(part, 1)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.add(part, -1)
	}, nil
}

func (t *together) add(part Most, sign int) {
	t.now.Sessions += sign * part.Sessions
	t.now.Captures += sign * part.Captures
	t.now.Ring += int64(sign) * part.Ring
}
