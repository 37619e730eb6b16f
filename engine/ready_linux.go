package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"dlx/inject"
	"dlx/internal/linux"
	"dlx/internal/pause"
	"dlx/shell"
	"dlx/toolbox"
)

// ready is what a Local that serves many keeps for sessions to come: the toolbox that comes with
// dlx, placed once for all of them, and a session's first process and its keeper, for the next one.
type ready struct {
	mu     sync.Mutex
	box    *inject.Shared
	next   spare
	making sync.WaitGroup
	closed bool
	stop   context.CancelFunc // of what is made; nil: nothing is
}

// spare is a session's first process, sealed, and its keeper. It may have neither.
type spare struct {
	init   *linux.FD
	keeper *shell.Ready
}

func (s spare) close() error {
	s.keeper.Close()
	return s.init.Close()
}

// errClosed reports a session of an engine that was closed.
var errClosed = errors.New("the engine is closed")

// show returns the toolbox for one session more. The first one places it.
func (r *ready) show(ctx context.Context, tools *toolbox.Verified) (*inject.Mounted, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	if r.box == nil {
		box, err := inject.Share(ctx, tools)
		if err != nil {
			return nil, err
		}
		r.box = box
	}
	return r.box.Clone()
}

// take returns what was prepared, or nothing.
func (r *ready) take() (init *linux.FD, keeper *shell.Ready) {
	r.mu.Lock()
	n := r.next
	r.next = spare{}
	r.mu.Unlock()
	if !n.keeper.Lives() {
		_ = n.close()
		return nil, nil
	}
	return n.init, n.keeper
}

// settle is how long the next session is not prepared after one. Somebody waits for that one's end,
// on the same processors.
const settle = 20 * time.Millisecond

// refill prepares the next session, beside what goes on. Without it that one takes a little longer,
// so an error is none: the session itself will come to it.
func (r *ready) refill(program func() (*linux.FD, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.stop != nil || r.next.keeper != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.making.Go(func() {
		defer r.made()
		if pause.For(ctx, settle) != nil {
			return
		}
		init, err := program()
		if err != nil {
			return
		}
		keeper, err := shell.Prepare(init)
		made := spare{init, keeper}
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil || r.closed {
			_ = made.close()
			return
		}
		r.next = made
	})
}

func (r *ready) made() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop()
	r.stop = nil
}

func (r *ready) close() error {
	r.mu.Lock()
	r.closed = true
	if r.stop != nil {
		r.stop()
	}
	r.mu.Unlock()
	r.making.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	next, box := r.next, r.box
	r.next, r.box = spare{}, nil
	return errors.Join(next.close(), box.Close())
}

// placeTools places the session's tools, or shows it those that are placed. Who holds CAP_SYS_ADMIN
// gets a toolbox of its own: it may do to memory what no read-only file system keeps it from
// (madvise(2), MADV_HWPOISON).
func (d *debug) placeTools(ctx context.Context) (*inject.Mounted, error) {
	own, err := d.local.bundled()
	if err != nil {
		return nil, err
	}
	holds, err := d.profile.Capabilities()
	if err != nil {
		return nil, err
	}
	if !d.local.o.KeepReady || d.tools != own || holds.Has(linux.CapSysAdmin) {
		return inject.Mount(ctx, d.tools)
	}
	box, err := d.local.ready.show(ctx, own)
	if errors.Is(err, inject.ErrNotShared) {
		return inject.Mount(ctx, d.tools)
	}
	return box, err
}
