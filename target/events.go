package target

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// Starts is a stream of the containers that start.
type Starts struct {
	IDs <-chan string
	Err <-chan error // one, when the stream ends
}

// Starts subscribes to the starts of a container, or, without an ID, of those that have all of the labels, each KEY or
// KEY=VALUE. It has subscribed when it returns, so that what starts after that is told of; its end is ctx's.
func (d *Docker) Starts(ctx context.Context, id string, labels []string) Starts {
	filters := client.Filters{}.Add("type", string(events.ContainerEventType)).Add("event", string(events.ActionStart))
	if id != "" {
		filters.Add("container", id)
	}
	if len(labels) > 0 {
		filters.Add("label", labels...)
	}
	res := d.client.Events(ctx, client.EventsListOptions{Filters: filters})
	ids, ended := make(chan string), make(chan error, 1)
	go func() {
		defer close(ids)
		for {
			select {
			case m := <-res.Messages:
				select {
				case ids <- m.Actor.ID:
				case <-ctx.Done():
					return
				}
			case err := <-res.Err:
				if err != nil && ctx.Err() == nil {
					ended <- d.explain(err, "follow the containers that start")
				}
				return
			}
		}
	}()
	return Starts{ids, ended}
}

// Labelled returns the running containers that have all of the labels.
func (d *Docker) Labelled(ctx context.Context, labels []string) ([]Info, error) {
	ctx, cancel := d.limited(ctx)
	defer cancel()
	res, err := d.client.ContainerList(ctx, client.ContainerListOptions{Filters: client.Filters{}.Add("label", labels...)})
	if err != nil {
		return nil, d.explain(err, fmt.Sprintf("list containers with the labels %q", labels))
	}
	infos := make([]Info, 0, len(res.Items))
	for _, c := range res.Items {
		infos = append(infos, infoOfSummary(&c))
	}
	return infos, nil
}

// State returns what the engine says of a container's state now.
func (d *Docker) State(ctx context.Context, id string) (State, error) {
	info, err := d.inspect(ctx, id)
	if err != nil {
		return "", err
	}
	return info.State, nil
}
