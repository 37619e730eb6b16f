package containerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dlx/fault"
	"dlx/target"
	"dlx/target/internal/grpcwire"
)

const (
	topicStart = "/tasks/start" // an exec's is /tasks/exec-started
	// topicSign is that of an event of dlx's own. A subscription is not answered before its first
	// event, so one is published: nothing else tells when it has begun.
	topicSign = "/dlx/subscribed"
)

// signNamespace is that of the events of dlx's own. It need not be there.
const signNamespace = "dlx"

// Watch tells of the containers that start.
func (r *Runtime) Watch(ctx context.Context, f target.Filter) (<-chan target.Event, error) {
	const what = "follow the containers that start"
	ctx, stop := context.WithCancel(ctx)
	stream, err := r.subscribe(ctx)
	if err != nil {
		stop()
		return nil, r.client.Explain(err, what)
	}
	starts := make(chan target.Event)
	go func() {
		defer close(starts)
		defer stop()
		defer func() { _ = stream.Close() }()
		for {
			e, ok, err := r.next(ctx, stream, f)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				e.Err = r.client.Explain(err, what)
			case !ok:
				continue
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

// subscribe returns when the subscription has begun.
func (r *Runtime) subscribe(ctx context.Context) (*grpcwire.Stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(r.limit, func() { cancel(context.DeadlineExceeded) })
	begun := make(chan struct{})
	signed := make(chan struct{})
	go func() {
		defer close(signed)
		if err := r.sign(ctx, begun); err != nil {
			cancel(err)
		}
	}()
	message := grpcwire.AppendBytes(nil, 1, `topic=="`+topicStart+`"`)
	message = grpcwire.AppendBytes(message, 1, `topic=="`+topicSign+`"`)
	stream, err := r.client.Stream(ctx, request("", "events.v1.Events/Subscribe", message))
	close(begun)
	<-signed
	if inTime := limit.Stop(); inTime && ctx.Err() == nil {
		return stream, err
	}
	if stream != nil {
		_ = stream.Close()
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// signs are the times between one sign and the next.
const (
	firstSign = time.Millisecond
	lastSign  = 100 * time.Millisecond
)

// sign publishes an event of dlx's own again and again, until the subscription has begun.
func (r *Runtime) sign(ctx context.Context, begun <-chan struct{}) error {
	empty := grpcwire.AppendBytes(nil, 1, "google.protobuf.Empty")
	message := grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, topicSign), 2, empty)
	for wait := firstSign; ; wait = min(2*wait, lastSign) {
		select {
		case <-begun:
			return nil
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		if _, err := r.client.Call(ctx, request(signNamespace, "events.v1.Events/Publish", message)); err != nil {
			return err
		}
	}
}

// next reads an event. It is not ok if it is not one that a filter lets through.
func (r *Runtime) next(ctx context.Context, stream *grpcwire.Stream, f target.Filter) (e target.Event, ok bool, err error) {
	message, err := stream.Next()
	if errors.Is(err, io.EOF) {
		err = errors.New("the runtime ended its events")
	}
	if err != nil {
		return e, false, err
	}
	namespace, id, err := parseStart(message)
	if err != nil {
		return e, false, err
	}
	e.Ref = target.Ref{Scheme: Scheme, Name: namespace + "/" + id}
	if f.ID != "" && f.ID != id && f.ID != e.Ref.Name {
		return e, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	c, err := r.record(ctx, namespace, id)
	// It is gone again, or nobody's that can be asked for. Nor is a container whose image has more
	// labels than are read to end what others follow.
	if errors.Is(err, fault.NotFound) || errors.Is(err, errUnread) {
		return e, false, nil
	}
	return e, err == nil && c.passes(f), err
}

// parseStart is the container of a start's event, and none of any other (api/services/events/v1).
func parseStart(message []byte) (namespace, id string, err error) {
	var topic string
	var event []byte
	err = grpcwire.Fields(message, func(f grpcwire.Field) (err error) {
		switch f.Number {
		case 2:
			namespace = f.Text()
		case 3:
			topic = f.Text()
		case 4:
			_, event, err = f.Any()
		}
		return err
	})
	if err != nil || topic != topicStart {
		return "", "", err
	}
	if id, err = nameOf(event); err != nil {
		return "", "", fmt.Errorf("parse the event of a start: %w", err)
	}
	return namespace, id, nil
}
