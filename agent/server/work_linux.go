package server

import (
	"cmp"
	"context"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"dlx/agent/identity"
	"dlx/agent/proto"
	"dlx/agent/wire"
	"dlx/engine"
	"dlx/fault"
)

// Work is a call that is under way. A gate finds the one that an operation is for by WorkOf.
type Work struct {
	ID      string
	Caller  *identity.Caller
	Verb    string
	Targets []string
	Reason  string // as the caller gives it
	Started time.Time
	Trace   string // the ID of its trace, "" if it has none
	Ring    int64  // bytes of the host's memory that a capture asks for, 0: the engine's default
	// Stdin says that a session has a standard input.
	Stdin bool
	// Of a capture that goes on without its client: where it goes; and of one that an agent's end
	// has cut off what its operations' IDs end with, and how long ago it began.
	Kept    *Kept
	Resumed string
	Before  time.Duration

	ctx   context.Context //nolint:containedctx // its own, for what waits in it
	watch Watch
	err   error // what has become of it; set before it is left

	sent   atomic.Uint64 // bytes
	ids    atomic.Uint32
	most   atomic.Uint64 // bytes that may be; 0: any number
	cancel context.CancelCauseFunc
	slow   atomic.Pointer[slow]

	mu     sync.Mutex
	now    engine.Streams // that bytes go through
	size   engine.WindowSize
	resize func(engine.WindowSize)
	timers []*time.Timer
}

type workKey struct{}

// WorkOf is the work that a context is of, nil if it is of none.
func WorkOf(ctx context.Context) *Work {
	w, _ := ctx.Value(workKey{}).(*Work)
	return w
}

// End has the work end, for a reason that its caller is told.
func (w *Work) End(why error) { w.cancel(why) }

// Why a gate's limits end work.
var (
	errTimeUp  = fault.New(fault.TimedOut, "", "the time is up that the policy allows")
	errTooLong = fault.New(fault.QuotaExceeded, "", "it has become larger than the policy allows")
)

// Sent is how many bytes have been sent to the client.
func (w *Work) Sent() uint64 { return w.sent.Load() }

// NextID is one for the next operation of the work: the work's own, and others that begin with it.
func (w *Work) NextID() string {
	id := w.ID + w.Resumed
	if n := w.ids.Add(1); n > 1 {
		id += "." + strconv.FormatUint(uint64(n), 10)
	}
	return id
}

// Size is that of the session's terminal as it is now; zero: not known.
func (w *Work) Size() engine.WindowSize {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size
}

// Limit has the work end after a time, or when it has sent so many bytes; 0 is no limit. Of the
// limits of several operations, which may be of several rules, the least holds.
func (w *Work) Limit(d time.Duration, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if most := w.most.Load(); bytes > 0 && (most == 0 || uint64(bytes) < most) {
		w.most.Store(uint64(bytes))
	}
	if d > 0 {
		d = max(d-w.Before, 0)
		w.timers = append(w.timers, time.AfterFunc(d, func() { w.cancel(errTimeUp) }))
	}
}

// Through has all that a session shows and is told go through other streams, before the first
// byte of it. Sizes are told to resize.
func (w *Work) Through(wrap func(engine.Streams) engine.Streams, resize func(engine.WindowSize)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, w.resize = wrap(w.now), resize
}

// streams are where a session's bytes go, which a gate may change before there are any.
func (w *Work) streams() engine.Streams {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// via leads to the work's streams of the moment.
type (
	viaStdin  struct{ w *Work }
	viaStdout struct{ w *Work }
	viaStderr struct{ w *Work }
)

func (v viaStdin) Read(p []byte) (int, error)   { return v.w.streams().Stdin.Read(p) }
func (v viaStdout) Write(p []byte) (int, error) { return v.w.streams().Stdout.Write(p) }
func (v viaStderr) Write(p []byte) (int, error) { return v.w.streams().Stderr.Write(p) }

// count adds bytes that are about to be sent.
func (w *Work) count(n int) error {
	w.watch.Sent(n)
	if most := w.most.Load(); w.sent.Add(uint64(n)) > most && most > 0 {
		w.cancel(errTooLong)
		return errTooLong
	}
	return w.slow.Load().wait(n)
}

// leave is called when the work has ended.
func (w *Work) leave() {
	w.cancel(nil)
	defer func() { w.watch.End(w.err) }()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.timers {
		t.Stop()
	}
}

// Bounds of what others are told of work, and of its record: whoever asks chooses it.
const (
	maxReason  = 1 << 10 // bytes
	maxTargets = 16
	maxTarget  = 256 // bytes of each
)

// brief are the work's first targets, as far as a list has room for them.
func (w *Work) brief() []string {
	return wire.Each(w.Targets[:min(len(w.Targets), maxTargets)], func(name string) string {
		return strings.ToValidUTF8(name[:min(len(name), maxTarget)], "\ufffd")
	})
}

// works are those that are under way.
type works struct {
	mu     sync.Mutex
	all    map[string]*Work
	closed error // why none begins any more
	rest   *time.Timer
}

// restAfter is how long nobody may have asked anything before memory is given back to the kernel.
// The runtime itself does so slowly, and an agent has nothing to do for hours (runtime/debug).
const restAfter = 10 * time.Second

// begin enters work, and returns its context. The caller ends it.
func (s *works) begin(ctx context.Context, w *Work) (context.Context, func(), error) {
	ctx, w.cancel = context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	switch {
	case s.closed != nil:
		err = fault.New(fault.Refused, "", "nothing can be begun: %w", s.closed)
	case len(w.Reason) > maxReason:
		err = fault.New(fault.BadRequest, "", "a reason of %d bytes: it has %d at most", len(w.Reason), maxReason)
	}
	if err != nil {
		w.cancel(err)
		return nil, nil, err
	}
	w.ctx = ctx
	s.all[w.ID] = w
	if s.rest != nil {
		s.rest.Stop()
	}
	return context.WithValue(ctx, workKey{}, w), func() {
		w.leave()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, w.ID)
		if len(s.all) == 0 && s.closed == nil {
			s.rest = time.AfterFunc(restAfter, debug.FreeOSMemory)
		}
	}, nil
}

// end ends one, which it returns; nil if there was none.
func (s *works) end(id string, why error) *Work {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.all[id]
	if w != nil {
		w.cancel(why)
	}
	return w
}

// close ends all. None begins any more.
func (s *works) close(why error) {
	s.mu.Lock()
	s.closed = why
	if s.rest != nil {
		s.rest.Stop()
	}
	s.mu.Unlock()
	s.endAll(why)
}

// endAll ends what is under way.
func (s *works) endAll(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.all {
		w.cancel(why)
	}
}

// list lists sessions and captures, of all callers or of one.
func (s *works) list(of *identity.Caller) []*proto.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*proto.Session
	for _, w := range s.all {
		if w.Verb != string(engine.VerbDebug) && w.Verb != string(engine.VerbCapture) || of != nil && of.ID() != w.Caller.ID() {
			continue
		}
		list = append(list, &proto.Session{
			Id: w.ID, User: w.Caller.Name, Verb: w.Verb, Targets: w.brief(), Started: timestamppb.New(w.Started), Bytes: w.sent.Load(), Reason: w.Reason,
		})
	}
	slices.SortFunc(list, func(a, b *proto.Session) int {
		return cmp.Or(a.GetStarted().AsTime().Compare(b.GetStarted().AsTime()), cmp.Compare(a.GetId(), b.GetId()))
	})
	return list
}

// of says whether work is a caller's own.
func (s *works) of(id string, caller *identity.Caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.all[id]
	return ok && caller.ID() == w.Caller.ID()
}
