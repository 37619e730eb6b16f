package trace

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Tracer takes the spans of calls, and sends them on where there is an endpoint. Nobody waits for
// it: what does not fit into its queue is dropped, and counted.
type Tracer struct {
	o     Options
	queue chan *Span
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once
}

// Options are a tracer's.
type Options struct {
	Endpoint *Endpoint // nil: spans go nowhere
	Service  string    // whose spans they are
	Version  string
	Host     string
	Log      *slog.Logger
	// Count is told how many spans were "sent", "failed" or "dropped"; may be nil.
	Count func(what string, n int)
}

// Bounds of what waits for an endpoint, and for how long.
const (
	maxQueue = 2048 // spans
	maxBatch = 256
	sendSoon = 2 * time.Second // after the first span of a batch
)

// New is a tracer, which its owner closes.
func New(o Options) *Tracer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Count == nil {
		o.Count = func(string, int) {}
	}
	t := &Tracer{o: o, queue: make(chan *Span, maxQueue), quit: make(chan struct{}), done: make(chan struct{})}
	if o.Endpoint == nil {
		close(t.done)
		return t
	}
	go t.run()
	return t
}

// offer takes a span that has ended.
func (t *Tracer) offer(s *Span) {
	if t.o.Endpoint == nil {
		return
	}
	select {
	case t.queue <- s:
	default:
		t.o.Count("dropped", 1)
	}
}

// Close sends what waits, within the time that one batch may take, and ends.
func (t *Tracer) Close() {
	t.once.Do(func() { close(t.quit) })
	<-t.done
	if t.o.Endpoint != nil {
		t.o.Endpoint.close()
	}
}

// run sends batches, one after another.
func (t *Tracer) run() {
	defer close(t.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // a batch that is under way gets some time to end, and no more
		select {
		case <-t.quit:
			late := time.NewTimer(closeLimit)
			defer late.Stop()
			select {
			case <-late.C:
				cancel()
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
	}()
	failing := false
	for {
		batch, last := t.batch()
		if len(batch) > 0 {
			failing = t.send(ctx, batch, failing)
		}
		if last {
			return
		}
	}
}

// batch waits for spans. last is true once there are no more.
func (t *Tracer) batch() (batch []*Span, last bool) {
	select {
	case s := <-t.queue:
		batch = append(batch, s)
	case <-t.quit:
		return t.rest(nil), true
	}
	soon := time.NewTimer(sendSoon)
	defer soon.Stop()
	for len(batch) < maxBatch {
		select {
		case s := <-t.queue:
			batch = append(batch, s)
		case <-soon.C:
			return batch, false
		case <-t.quit:
			return t.rest(batch), true
		}
	}
	return batch, false
}

// rest is what waits when the tracer is closed.
func (t *Tracer) rest(batch []*Span) []*Span {
	for {
		select {
		case s := <-t.queue:
			batch = append(batch, s)
		default:
			return batch
		}
	}
}

// send sends a batch once. What an endpoint does not take is gone: it is told of when that begins,
// and when it is over.
func (t *Tracer) send(ctx context.Context, batch []*Span, failing bool) bool {
	resource := []Attr{{"service.name", t.o.Service}, {"service.version", t.o.Version}, {"host.name", t.o.Host}}
	err := t.o.Endpoint.send(ctx, request(resource, "dlx", t.o.Version, batch))
	switch {
	case err != nil:
		t.o.Count("failed", len(batch))
		if !failing {
			t.o.Log.WarnContext(ctx, "spans are not taken", "error", err)
		}
		return true
	case failing:
		t.o.Log.InfoContext(ctx, "spans are taken again")
	}
	t.o.Count("sent", len(batch))
	return false
}
