package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/capture/pcapng"
	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/names"
	"dlx/internal/printable"
	"dlx/internal/version"
	"dlx/nsutil"
	"dlx/target"
)

// Capture hands the packets of targets to a sink. The filter is compiled before anything is opened.
func (l *Local) Capture(ctx context.Context, req CaptureRequest, to Sink) (stats CaptureStats, err error) {
	defer func() { err = fault.In(string(VerbCapture), strings.Join(req.Targets, " "), err) }()
	if err := requirePrivileges(linux.CapSysAdmin); err != nil {
		return stats, err
	}
	compile, err := compileFor(ctx, req.Filter)
	if err != nil {
		return stats, err
	}
	own, err := leaveOut(ctx, &req)
	if err != nil {
		return stats, err
	}
	if len(req.Targets) == 0 && len(req.Labels) == 0 {
		return stats, ErrNoTarget
	}
	mem, err := l.memory(req.User)
	if err != nil {
		return stats, err
	}
	defer func() { err = errors.Join(err, mem.close()) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f := &followers{l: l, req: &req, stop: stop, own: own, namespaces: map[nsutil.ID]*namespace{}, starts: map[start]bool{}, ended: map[target.Ref]time.Time{}}
	defer func() { f.end(Outcome{Stats: &stats, Err: err}) }()
	f.c, err = capture.New(capture.Options{
		Interface:   req.Interface,
		Direction:   req.Direction,
		SnapLen:     req.SnapLen,
		Filter:      req.Filter,
		Compile:     compile,
		Count:       req.Count,
		MaxBytes:    req.MaxBytes,
		RingSize:    f.ringSize(),
		Latency:     req.Latency,
		NoProcess:   req.NoProcess,
		NoNames:     req.NoNames,
		Application: version.String(),
		Take:        mem.take,
	})
	if err != nil {
		return stats, err
	}
	if err := f.start(ctx); err != nil {
		stop()
		f.wg.Wait()
		return stats, errors.Join(err, f.c.Close())
	}
	got, err := f.c.Run(ctx, to)
	stop()
	f.wg.Wait()
	stats = CaptureStats{
		Captured: got.Captured, Bytes: got.Bytes, Received: got.Received, Dropped: got.Dropped,
		Restarts: f.restarts, LeftOut: f.leftOut, TargetEnded: f.allEnded,
	}
	for _, s := range got.Skipped {
		stats.Skipped = append(stats.Skipped, s.Interface+": "+s.Why.Error())
	}
	return stats, errors.Join(err, f.err, f.c.Close())
}

// followers keep a capture's sources in step with their containers. The sockets alone would keep a
// namespace alive, so that the capture would go on after the container, in silence.
type followers struct {
	l    *Local
	req  *CaptureRequest
	c    *capture.Capture
	stop context.CancelFunc
	own  ownTraffic
	wg   sync.WaitGroup

	mu         sync.Mutex
	namespaces map[nsutil.ID]*namespace // those that are captured in
	running    int                      // of them, with a follower
	starts     map[start]bool           // of containers that were found: whether it was captured in them
	ended      map[target.Ref]time.Time // when, of the containers that are not captured in any longer
	restarts   []string
	leftOut    []Connection
	allEnded   bool
	err        error
	ends       []func(Outcome) // which the gate is told
}

// Sizes of rings, in bytes.
const (
	minShare    = 2 << 20 // of one container, however many there are
	labelShares = 8       // how many containers the size is for when nobody knows
)

// ringSize is a source's share.
func (f *followers) ringSize() int {
	size := f.req.RingSize
	if size <= 0 {
		size = capture.DefaultRingSize
	}
	shares := len(f.req.Targets)
	if len(f.req.Labels) > 0 {
		shares += labelShares
	}
	return max(size/shares, min(size, minShare))
}

// start takes hold of the targets and captures in their namespaces. Targets are verified while the
// kernel makes the rings, which takes longer; before that nothing in the rings is let out. A gate
// is asked earlier, about who is known.
func (f *followers) start(ctx context.Context) error {
	targets := make([]*target.Target, len(f.req.Targets))
	var opens []func() error
	for i, ref := range f.req.Targets {
		opens = append(opens, func() (err error) {
			targets[i], err = f.l.targets.Take(ctx, ref)
			return err
		})
	}
	err := together(opens...)
	targets = slices.DeleteFunc(targets, func(t *target.Target) bool {
		if t == nil || f.found(t) {
			return t == nil
		}
		err = errors.Join(err, t.Close()) // it is named twice
		return true
	})
	gated := f.l.o.Gate != nil
	if err == nil && gated {
		err = f.admitAll(ctx, targets)
	}
	if err != nil {
		for _, t := range targets {
			err = errors.Join(err, t.Close())
		}
		return err
	}
	var steps []func() error
	var first []*namespace
	for _, t := range targets {
		if !gated {
			steps = append(steps, func() error { return t.Verify(ctx) })
		}
		if n, add := f.claim(t); add {
			first = append(first, n)
			steps = append(steps, func() error { return f.open(n, "") })
		}
	}
	if err := together(steps...); err != nil {
		for _, n := range first {
			err = errors.Join(err, f.forget(n))
		}
		return err
	}
	for _, n := range first {
		f.wg.Go(func() { f.follow(ctx, n) })
	}
	if err := f.watchLabels(ctx); err != nil {
		return err
	}
	f.name(ctx)
	return nil
}

// nameWait is how long a capture that is on waits for names, so that they stand before its packets.
// Those gather in the rings meanwhile.
const nameWait = 100 * time.Millisecond

// name writes the names of addresses into the file: the targets talk to other containers. The
// runtimes are asked only now that the rings are on: on a busy core that would make the kernel
// slower at making them. A slow runtime holds nothing up. Its names come in later.
func (f *followers) name(ctx context.Context) {
	if f.req.NoNames {
		return
	}
	wait, asked := context.WithTimeout(ctx, nameWait)
	f.wg.Go(func() {
		defer asked()
		f.askNames(ctx)
	})
	<-wait.Done()
}

// askNames takes the names in. Without them a capture is as good, so an error is none.
func (f *followers) askNames(ctx context.Context) {
	list, _ := f.l.targets.Chosen(ctx, target.Filter{})
	var names []pcapng.Name
	for _, c := range list {
		for _, a := range c.Addresses {
			names = append(names, pcapng.Name{Address: a, Names: []string{printable.Escape(c.Name)}})
		}
	}
	f.c.Name(names...)
}

// compileFor compiles an expression for interfaces. Names are looked up here, outside of the
// container: its files and resolver have no say, and its network does not see the questions.
// Compiling for Ethernet, where all of an expression makes sense, asks for every name.
func compileFor(ctx context.Context, expr string) (capture.Compile, error) {
	machine := names.New(ctx)
	compile, err := filter.ForInterfaces(expr, machine, machine.Offline())
	return compile, FilterError(err)
}
