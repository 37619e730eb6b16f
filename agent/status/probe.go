package status

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Probe is a question that may take long, or for ever. Many may wait for its answer: it is asked
// once at a time, and not again as long as its last answer is new.
type Probe struct {
	ask    func(ctx context.Context) error
	limit  time.Duration // for one answer
	fresh  time.Duration // how long it holds
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	under  chan struct{} // closed when the answer that is under way is there
	answer error
	at     time.Time // of the answer
}

// ErrSilent is that there is no answer in time.
var ErrSilent = errors.New("it does not answer")

// NewProbe is a probe that was not asked yet. ask is to keep to its context; who does not is left
// behind, and asked no second time until it has come back.
func NewProbe(limit, fresh time.Duration, ask func(ctx context.Context) error) *Probe {
	ctx, cancel := context.WithCancel(context.Background())
	return &Probe{ask: ask, limit: limit, fresh: fresh, ctx: ctx, cancel: cancel}
}

// Close ends what is asked, and waits for that within the limit of an answer.
func (p *Probe) Close() {
	p.cancel()
	p.mu.Lock()
	under := p.under
	p.mu.Unlock()
	if under == nil {
		return
	}
	late := time.NewTimer(p.limit)
	defer late.Stop()
	select {
	case <-under:
	case <-late.C:
	}
}

// Err waits for an answer until ctx ends. It is a Check's.
func (p *Probe) Err(ctx context.Context) error {
	p.mu.Lock()
	if p.under == nil && !p.at.IsZero() && time.Since(p.at) < p.fresh {
		defer p.mu.Unlock()
		return p.answer
	}
	if p.under == nil {
		p.under = make(chan struct{})
		go p.run(p.under)
	}
	under := p.under
	p.mu.Unlock()
	select {
	case <-under:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.answer
	case <-ctx.Done():
		return ErrSilent
	}
}

func (p *Probe) run(done chan struct{}) {
	ctx, cancel := context.WithTimeout(p.ctx, p.limit)
	defer cancel()
	err := p.ask(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.at, p.under = err, time.Now(), nil
	close(done)
}
