package tlsid

import (
	"context"
	"crypto/tls"
	"strings"
	"sync"
	"time"
)

// watch is something that a certificate allows, and that ends with it.
type watch struct {
	state *tls.ConnectionState
	end   func(error)
}

// watches are all of a Reloader's, which one timer looks at. It runs only while there are some.
type watches struct {
	r     *Reloader
	mu    sync.Mutex
	all   map[*watch]bool
	timer *time.Timer
}

// add has end called, once, soon after a certificate is valid no more; remove stops that.
func (w *watches) add(state *tls.ConnectionState, end func(error)) (remove func()) {
	it := &watch{state, end}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*watch]bool{}
	}
	w.all[it] = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.r.every, w.sweep)
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, it)
		if len(w.all) == 0 && w.timer != nil {
			w.timer.Stop()
			w.timer = nil
		}
	}
}

// sweep looks at each chain of certificates once, and ends what it allowed no more.
func (w *watches) sweep() {
	w.mu.Lock()
	list := make([]*watch, 0, len(w.all))
	for it := range w.all {
		list = append(list, it)
	}
	w.mu.Unlock()
	known := map[string]error{}
	for _, it := range list {
		var shown strings.Builder
		for _, c := range it.state.PeerCertificates {
			shown.Write(c.Raw)
		}
		err, ok := known[shown.String()]
		if !ok {
			err = w.r.StillValid(it.state)
			known[shown.String()] = err
		}
		if err != nil && w.take(it) {
			it.end(err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.timer == nil: // all were removed meanwhile
	case len(w.all) == 0:
		w.timer = nil
	default:
		w.timer.Reset(w.r.every)
	}
}

// take removes a watch and says whether it was there.
func (w *watches) take(it *watch) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	had := w.all[it]
	delete(w.all, it)
	return had
}

// Watch is a context that ends, with StillValid's error as its cause, when who has made a
// connection is let in no more: at once, or within about two seconds of a change. The caller calls
// stop when the work is done.
func (r *Reloader) Watch(ctx context.Context, state *tls.ConnectionState) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	if err := r.StillValid(state); err != nil {
		cancel(err)
		return watched, func() {}
	}
	remove := r.watches.add(state, cancel)
	return watched, func() {
		remove()
		cancel(context.Canceled)
	}
}
