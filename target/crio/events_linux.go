package crio

import (
	"context"
	"errors"
	"sync"
	"time"

	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// lookAgain is the time from one look at what runs to the next, if no event comes before.
const lookAgain = time.Second

// Watch tells of the containers that start: those that run in a list and did not in the one before.
//
// Events only have it look earlier. CRI-O sends none unless it was told to (enable_pod_events), and
// containerd 1.6 knows none; neither tells when a subscription has begun.
func (r *Runtime) Watch(ctx context.Context, f target.Filter) (<-chan target.Event, error) {
	w := &watch{runtime: r, filter: f}
	if _, err := w.look(ctx); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	starts := make(chan target.Event)
	hints := make(chan struct{}, 1)
	var hinting sync.WaitGroup
	hinting.Go(func() { r.hint(ctx, hints) })
	go func() {
		defer close(starts)
		defer hinting.Wait()
		defer stop()
		w.follow(ctx, hints, starts)
	}()
	return starts, nil
}

// watch is what is told of, and what was.
type watch struct {
	runtime *Runtime
	filter  target.Filter
	known   map[string]bool // containers that have started, by their IDs
}

// look returns the containers that have started since the last look. Each starts once: another one
// is made for a restart. What can not be read is left out: whoever makes an image is not to end
// what others follow.
func (w *watch) look(ctx context.Context) (started []target.Ref, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.runtime.limit)
	defer cancel()
	all, err := w.runtime.containers(ctx)
	if err != nil && !errors.Is(err, errUnread) {
		return nil, err
	}
	known := make(map[string]bool, len(all))
	for _, c := range all {
		if !c.askable() {
			continue
		}
		if known[c.id] = w.known[c.id] || c.state.Live(); known[c.id] && !w.known[c.id] && c.passes(w.filter) {
			started = append(started, target.Ref{Scheme: Scheme, Name: c.id})
		}
	}
	w.known = known
	return started, nil
}

// follow looks again and again, until ctx ends or a look fails.
func (w *watch) follow(ctx context.Context, hints <-chan struct{}, starts chan<- target.Event) {
	again := time.NewTicker(w.runtime.pace)
	defer again.Stop()
	for {
		select {
		case <-hints:
		case <-again.C:
		case <-ctx.Done():
			return
		}
		started, err := w.look(ctx)
		if ctx.Err() != nil {
			return
		}
		events := make([]target.Event, 0, len(started)+1)
		for _, ref := range started {
			events = append(events, target.Event{Ref: ref})
		}
		if err != nil {
			events = append(events, target.Event{Err: err})
		}
		for _, e := range events {
			select {
			case starts <- e:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// startedEvent is ContainerEventType's CONTAINER_STARTED_EVENT.
const startedEvent = 1

// hint says when it is worth a look, as long as the runtime tells. It never waits for who looks:
// CRI-O sends an event to one after the other, and Kubernetes waits for its own behind who does not
// read (cri-o, server/container_events.go, broadcastEvents).
func (r *Runtime) hint(ctx context.Context, hints chan<- struct{}) {
	stream, err := r.client.Stream(ctx, request("GetContainerEvents", nil))
	if err != nil {
		return
	}
	defer func() { _ = stream.Close() }()
	for {
		message, err := stream.Next()
		if err != nil {
			return
		}
		if kind, err := eventType(message); err != nil || kind != startedEvent {
			continue
		}
		select {
		case hints <- struct{}{}:
		default:
		}
	}
}

// eventType is that of a ContainerEventResponse.
func eventType(message []byte) (kind uint64, err error) {
	err = grpcwire.Fields(message, func(f grpcwire.Field) error {
		if f.Number == 2 {
			kind = f.Uint()
		}
		return nil
	})
	return kind, err
}
