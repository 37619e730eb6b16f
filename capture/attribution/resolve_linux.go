package attribution

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"dlx/capture/linktype"
	"dlx/capture/process"
	"dlx/internal/linux"
	"dlx/internal/pause"
)

// resolver finds the owners of a source's flows beside Run. It also listens for packets that begin
// something short: when their block is read, their sockets may be gone.
type resolver struct {
	finder *process.Finder
	tap    *linux.Tap
	waiter *linux.Waiter
	stop   context.CancelFunc
	ended  chan struct{}
	costs  budget // of its CPU time

	mu    sync.Mutex
	queue []*answer
	young map[flowKey]*answer // by age, as owners' flows
	old   map[flowKey]*answer
}

const (
	// resolveShare is the part of a CPU that the resolver may take: one in so many.
	resolveShare = 10
	// resolveMost is how much of it can be saved up for when there is much to find.
	resolveMost = 100 * time.Millisecond
	// maxQueue is how many answers wait at most.
	maxQueue = 4096
	// tapRoom is what the tap's socket keeps, in bytes, when the resolver rests.
	tapRoom = 512 << 10
	// tapBatch is how many of its packets are taken at once.
	tapBatch = 64
)

// openResolver opens what needs the calling thread to be in the namespace.
func openResolver() (_ *resolver, err error) {
	r := &resolver{ended: make(chan struct{}), young: map[flowKey]*answer{}, costs: budget{share: resolveShare, most: resolveMost}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.release())
		}
	}()
	if r.finder, err = process.Open(); err != nil {
		return nil, err
	}
	if r.tap, err = linux.OpenTap(beginnings, tapRoom); err != nil {
		return nil, err
	}
	if r.waiter, err = linux.NewWaiter(); err != nil {
		return nil, err
	}
	if err := r.waiter.Watch(r.tap.Descriptor()); err != nil {
		return nil, err
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go r.run(ctx)
	return r, nil
}

// close ends the resolver and releases what it has.
func (r *resolver) close() error {
	r.stop()
	r.waiter.Wake()
	<-r.ended
	return r.release()
}

func (r *resolver) release() error {
	var errs []error
	if r.finder != nil {
		errs = append(errs, r.finder.Close())
	}
	if r.tap != nil {
		errs = append(errs, r.tap.Close())
	}
	if r.waiter != nil {
		errs = append(errs, r.waiter.Close())
	}
	return errors.Join(errs...)
}

// ask returns an answer about a flow that was made at the given time or later. It may take a while
// until it is known.
func (r *resolver) ask(k *flowKey, since uint64) *answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.young[*k]
	if a == nil {
		a = r.old[*k]
	}
	if a != nil && a.made >= since {
		return a
	}
	a = &answer{key: *k, made: uint64(time.Now().UnixNano()), done: make(chan struct{})}
	if len(r.queue) >= maxQueue {
		close(a.done)
		return a
	}
	if len(r.young) >= maxFlows {
		r.old, r.young = r.young, make(map[flowKey]*answer, maxFlows)
	}
	r.young[*k] = a
	r.queue = append(r.queue, a)
	r.waiter.Wake()
	return a
}

// run answers until ctx ends. What it can not find out for an error is not known: the packets
// matter more.
func (r *resolver) run(ctx context.Context) {
	defer close(r.ended)
	runtime.LockOSThread() // whose CPU time is counted
	defer runtime.UnlockOSThread()
	for ctx.Err() == nil {
		if err := r.waiter.Wait(time.Minute); err != nil {
			return
		}
		_ = r.waiter.TakeError(r.tap.Descriptor())
		r.waiter.Rest()
		before := linux.ThreadTime()
		again := r.listen()
		r.costs.spend(time.Now(), linux.ThreadTime()-before)
		r.resolve(ctx)
		if debt := r.costs.debt(time.Now()); debt > 0 {
			_ = pause.For(ctx, debt)
		}
		if again {
			r.waiter.Wake()
		}
	}
}

// listen takes what the tap has. It returns whether there may be more.
func (r *resolver) listen() bool {
	var buf [tapSnap]byte
	for range tapBatch {
		p, ok, err := r.tap.Receive(buf[:])
		if err != nil || !ok {
			return false
		}
		loopback := p.Hardware == linktype.HardwareLoopback
		if loopback && p.Outgoing { // it comes again
			continue
		}
		var k flowKey
		if _, ok := parseFlow(buf[:p.Size], p.Outgoing || loopback, p.Interface, &k); ok {
			r.ask(&k, uint64(time.Now().UnixNano())-beginTime)
		}
	}
	return true
}

// resolve answers what is in the queue.
func (r *resolver) resolve(ctx context.Context) {
	r.mu.Lock()
	queue := r.queue
	r.queue = nil
	r.mu.Unlock()
	var left []*answer
	for i, a := range queue {
		if ctx.Err() != nil || !r.costs.left(time.Now()) {
			left = append(left, queue[i:]...)
			break
		}
		before := linux.ThreadTime()
		owner, err := r.finder.Find(a.key.flow(), time.Unix(0, int64(a.made)))
		r.costs.spend(time.Now(), linux.ThreadTime()-before)
		if errors.Is(err, process.ErrUnfinished) && uint64(time.Now().UnixNano())-a.made < unknownTime {
			left = append(left, a)
			continue
		}
		a.owner.Store(owner)
		close(a.done)
	}
	if len(left) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(left, r.queue...)
	r.waiter.Wake()
}
