package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"dlx/target"
)

// Watch tells of the containers that start.
func (r *Runtime) Watch(ctx context.Context, f target.Filter) (<-chan target.Event, error) {
	const what = "follow the containers that start"
	chosen := client.Filters{}.Add("type", string(events.ContainerEventType)).Add("event", string(events.ActionStart))
	if f.ID != "" {
		chosen.Add("container", f.ID)
	}
	if len(f.Labels) > 0 {
		chosen.Add("label", f.Labels...)
	}
	if err := r.ask(ctx, what, func(context.Context) error { return nil }); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	unlink := context.AfterFunc(r.ctx, stop)
	limit := time.AfterFunc(requestLimit, stop)
	res := r.client.Events(ctx, client.EventsListOptions{Filters: chosen}) // waits for the runtime's first answer
	if !limit.Stop() {
		unlink()
		return nil, fmt.Errorf("%s: %w", what, context.DeadlineExceeded)
	}
	starts := make(chan target.Event)
	go func() {
		defer unlink()
		defer stop()
		defer close(starts)
		for {
			var e target.Event
			select {
			case m := <-res.Messages:
				e.Ref = target.Ref{Scheme: Scheme, Name: m.Actor.ID}
			case e.Err = <-res.Err:
				if e.Err == nil || ctx.Err() != nil {
					return
				}
				e.Err = r.explain(e.Err, what)
			}
			select {
			case starts <- e:
			case <-ctx.Done():
				return
			}
			if e.Err != nil {
				return
			}
		}
	}()
	return starts, nil
}
