package podman

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"dlx/target"
)

const following = "follow the containers that start"

// Watch tells of the containers that start.
//
// Podman sends the head of its answer before it has begun to read its log of events (4.3.1,
// pkg/api/handlers/compat/events.go), so that alone is no subscription. Asked for what there is
// since a time, it reads the log from its beginning, and nothing is lost.
func (r *Runtime) Watch(ctx context.Context, f target.Filter) (<-chan target.Event, error) {
	w := &watch{runtime: r, filter: f, since: time.Now()}
	ctx, stop := context.WithCancel(ctx)
	unlink := context.AfterFunc(r.ctx, stop)
	stream, err := w.subscribe(ctx)
	if err != nil {
		unlink()
		stop()
		return nil, explain(following, err)
	}
	starts := make(chan target.Event)
	go func() {
		defer close(starts)
		defer unlink()
		defer stop()
		if err := w.follow(ctx, stream, starts); err != nil && ctx.Err() == nil && r.ctx.Err() == nil {
			select {
			case starts <- target.Event{Err: explain(following, err)}:
			case <-ctx.Done():
			}
		}
	}()
	return starts, nil
}

// watch is what is told of, and how far that is.
type watch struct {
	runtime *Runtime
	filter  target.Filter
	since   time.Time // of the latest event, or when the watch began
}

// subscribe asks for what happened after w.since, and for what is to come.
func (w *watch) subscribe(ctx context.Context) (io.ReadCloser, error) {
	chosen := map[string][]string{"type": {"container"}, "event": {"start"}}
	if w.filter.ID != "" {
		chosen["container"] = []string{w.filter.ID}
	}
	filters, err := json.Marshal(chosen)
	if err != nil {
		return nil, err
	}
	query := url.Values{"stream": {"true"}, "since": {w.since.Format(time.RFC3339Nano)}, "filters": {string(filters)}}
	w.runtime.use.RLock()
	defer w.runtime.use.RUnlock()
	ctx, stop := context.WithCancel(ctx)
	limit := time.AfterFunc(w.runtime.limit, stop)
	_, body, err := w.runtime.get(ctx, api+"/events?"+query.Encode())
	if !limit.Stop() && err != nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		stop()
		return nil, err
	}
	return &stream{body, stop}, nil
}

// stream is an answer without an end, until it is closed.
type stream struct {
	io.ReadCloser
	stop context.CancelFunc
}

func (s *stream) Close() error {
	s.stop()
	return s.ReadCloser.Close()
}

// subscribeAgain is the least time from one subscription to the next.
const subscribeAgain = time.Second

// follow tells of starts until ctx ends. A stream that ends is asked for once more, from where it
// was: it ends when Podman's log is rotated, and when the service is started anew.
func (w *watch) follow(ctx context.Context, stream io.ReadCloser, starts chan<- target.Event) error {
	for {
		pace := time.NewTimer(subscribeAgain)
		err := w.read(ctx, stream, starts)
		if cerr := stream.Close(); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			err = cerr
		}
		if err != nil || ctx.Err() != nil {
			pace.Stop()
			return err
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			pace.Stop()
			return nil
		}
		if stream, err = w.subscribe(ctx); err != nil {
			return err
		}
	}
}

// read tells of the starts in one stream, whose events are lines.
func (w *watch) read(ctx context.Context, stream io.Reader, starts chan<- target.Event) error {
	lines := bufio.NewReaderSize(stream, eventLimit)
	for {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		e, err := readEvent(line)
		if err != nil {
			return err
		}
		if at := time.Unix(0, e.TimeNano); at.After(w.since) {
			w.since = at
		}
		told, err := w.tells(ctx, e)
		if err != nil {
			return err
		}
		if !told {
			continue
		}
		select {
		case starts <- target.Event{Ref: w.runtime.ref(e.Actor.ID)}:
		case <-ctx.Done():
			return nil
		}
	}
}

// readLine returns a line without its end. One that is longer than an event is empty: an image's
// labels are in its containers' events, and whoever makes one is not to end what others follow.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, more, err := r.ReadLine()
	if !more {
		return line, err
	}
	for left := answerLimit / 2; more && err == nil; left -= len(line) {
		if left <= 0 {
			return nil, errTooLong
		}
		line, more, err = r.ReadLine()
	}
	return nil, err
}

// readEvent parses a line. An error of Podman's, such as that it keeps no log, comes as one.
func readEvent(line []byte) (*event, error) {
	e := &event{}
	if err := json.Unmarshal(line, e); err != nil {
		return nil, err
	}
	if e.Type == "" && e.Message != "" {
		return nil, &answerError{http.StatusOK, e.Message}
	}
	if e.Type == "container" {
		if err := check(&target.Info{ID: e.Actor.ID, Name: "none"}); err != nil {
			return nil, fmt.Errorf("an event: %w", err)
		}
	}
	return e, nil
}

// ownAttributes are those that are not labels (podman, pkg/domain/entities/events.go): a label of
// that name does not come through.
var ownAttributes = []string{"image", "name", "containerExitCode", "podId"}

// tells says whether an event is the start of a container that the filter lets through. What the
// event does not tell is asked for: the labels that it hides, and whether a container is a pod's
// own.
func (w *watch) tells(ctx context.Context, e *event) (bool, error) {
	f := w.filter
	if e.Type != "container" || e.Action != "start" || f.ID != "" && e.Actor.ID != f.ID {
		return false, nil
	}
	labels := e.Actor.Attributes
	hidden := slices.ContainsFunc(f.Labels, func(label string) bool {
		key, _, _ := strings.Cut(label, "=")
		return slices.Contains(ownAttributes, key)
	})
	inPod := labels["podId"] != "" && !f.All && f.ID == ""
	if !hidden && !inPod {
		return f.Labelled(labels), nil
	}
	d, _, err := w.runtime.look(ctx, e.Actor.ID)
	if refused(err, http.StatusNotFound) { // it is gone again
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if inPod && d.IsInfra {
		return false, nil
	}
	return f.Labelled(d.Config.Labels), nil
}
