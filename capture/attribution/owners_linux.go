package attribution

import (
	"sync/atomic"
	"time"

	"dlx/capture/process"
	"dlx/internal/linux"
)

// Owners knows the processes of a namespace's flows. Its methods are for one goroutine; a resolver
// finds out about the flows meanwhile.
type Owners struct {
	resolver answerer
	hurried  func() bool    // says that packets have no time to wait
	onNew    func(b []byte) // nil if nobody looks
	last     *slot          // that the packet before fell into
	slots    [1 << slotBits]slot
	key      flowKey           // of the packet at hand
	young    map[flowKey]*Flow // flows by age: when there are too many young ones, the old ones are forgotten
	old      map[flowKey]*Flow
	second   uint64 // of the packets' time
	fresh    int    // flows that were new in it
	waits    budget
}

// answerer is a *resolver, but for Known.
type answerer interface {
	ask(k *flowKey, since uint64) *answer
	close() error
}

// slot remembers the flow of the last packet that fell into it.
type slot struct {
	ends, ports uint64
	flow        *Flow
}

// Flow is a flow with the process that it belongs to.
type Flow struct {
	expires uint64           // nanoseconds since 1970; then its owner is asked for again
	Owner   *process.Process // nil as long as it is not known
	PID     uint32           // of the owner
	Told    bool             // the caller's: the file has a comment on it
	answer  *answer
	key     flowKey
}

// answer is what the resolver finds out about a flow.
type answer struct {
	key   flowKey
	made  uint64 // when it was asked for, in nanoseconds since 1970
	owner atomic.Pointer[process.Process]
	done  chan struct{} // closed when owner will not change any more
}

const (
	// maxFlows is how many flows of one age are remembered.
	maxFlows = 1 << 15
	// maxFresh is how many new flows of a second are looked at: who makes up more of them must not
	// hold up packets.
	maxFresh = 10_000
	// Times after which a flow's owner is asked for again, in nanoseconds.
	knownTime   = uint64(60 * time.Second)
	unknownTime = uint64(2 * time.Second)
	// beginTime is how much older an answer may be than the packet that begins a connection.
	beginTime = uint64(time.Second)
	// ownerWait is how long a flow's first packet waits for its owner to be found.
	ownerWait = 10 * time.Millisecond
)

// Open opens the sockets that answer, on a thread of the namespace. A flow's first packet waits a
// moment for its owner. It does not wait while hurried says that there is no time.
func Open(hurried func() bool) (*Owners, error) {
	r, err := openResolver()
	if err != nil {
		return nil, err
	}
	return newOwners(r, hurried), nil
}

// Known is an Owners for which all flows are one process's, for tests and benchmarks.
func Known(p *process.Process) *Owners {
	return newOwners(known{p}, func() bool { return false })
}

// known knows everything.
type known struct{ p *process.Process }

func (k known) ask(key *flowKey, _ uint64) *answer {
	a := &answer{key: *key, done: make(chan struct{})}
	a.owner.Store(k.p)
	close(a.done)
	return a
}

func (known) close() error { return nil }

func newOwners(r answerer, hurried func() bool) *Owners {
	o := &Owners{resolver: r, hurried: hurried, young: map[flowKey]*Flow{}, waits: budget{share: 20, most: 2 * ownerWait}}
	o.last = &o.slots[0]
	return o
}

// OnNew has f called, by Lookup, with each packet whose addresses may be new: of a new flow, or of
// none. It begins at the network header.
func (o *Owners) OnNew(f func(b []byte)) { o.onNew = f }

// Close ends the resolver and releases its sockets.
func (o *Owners) Close() error { return o.resolver.close() }

// Lookup returns the flow of a packet, nil if it has none that can be told. The network header
// begins at the given byte; outgoing says that the local end is the packet's source.
func (o *Owners) Lookup(f *linux.Frame, network int, outgoing bool) *Flow {
	b := f.Data[min(network, len(f.Data)):]
	if ends, ports, ok := parseCommon(b, outgoing); ok {
		s := o.last
		if s.ends != ends || s.ports != ports {
			s = &o.slots[slotOf(ends, ports)]
			o.last = s
		}
		if s.ends == ends && s.ports == ports && f.Time < s.flow.expires {
			if s.flow.Owner == nil {
				s.flow.own(s.flow.answer.owner.Load())
			}
			return s.flow
		}
	}
	return o.lookupSlow(f, b, outgoing)
}

// lookupSlow is Lookup for a packet that takes more time.
func (o *Owners) lookupSlow(f *linux.Frame, b []byte, outgoing bool) *Flow {
	k := &o.key
	begins, ok := parseFlow(b, outgoing, f.Interface, k)
	if !ok {
		o.show(b)
		return nil
	}
	s := &o.slots[slotOf(k.ends, k.ports)]
	if begins || !s.holds(k) || s.flow.expired(f.Time) {
		flow := o.find(f.Time, begins, b)
		if flow == nil {
			return nil
		}
		s.ends, s.ports, s.flow = k.ends, k.ports, flow
	}
	if s.flow.Owner == nil {
		s.flow.own(s.flow.answer.owner.Load())
	}
	return s.flow
}

// holds says whether the slot's flow is the one with the key.
func (s *slot) holds(k *flowKey) bool {
	return s.ends == k.ends && s.ports == k.ports && (k.ports&isIPv6 == 0 || s.flow.key.long == k.long)
}

// expired says whether the flow's owner is to be asked for again.
func (f *Flow) expired(now uint64) bool { return now >= f.expires }

// show has a packet looked at that may have new addresses.
func (o *Owners) show(b []byte) {
	if o.onNew != nil {
		o.onNew(b)
	}
}

// own notes a flow's owner, if it is known.
func (f *Flow) own(p *process.Process) {
	if p != nil {
		f.Owner, f.PID = p, p.PID
	}
}

// find finds the flow of the packet at hand among those that are not in their slots, or makes one.
func (o *Owners) find(now uint64, begins bool, b []byte) *Flow {
	k := &o.key
	if k.ports&isIPv6 == 0 {
		k.long = [32]byte{}
	}
	flow := o.young[*k]
	if flow == nil {
		if flow = o.old[*k]; flow != nil {
			o.remember(flow)
		}
	}
	if flow != nil && !begins && now < flow.expires {
		return flow
	}
	if flow == nil {
		o.show(b)
	}
	if !o.mayAsk(now) {
		return flow
	}
	a := o.resolver.ask(k, since(flow, now, begins))
	if !o.hurried() {
		o.wait(a)
	}
	flow = renew(flow, a, now, begins)
	o.remember(flow)
	return flow
}

// since is when an answer must have been made to be good for a flow now. A connection's beginning
// was seen by the resolver when it was on the wire; it may have been sent more than once.
func since(flow *Flow, now uint64, begins bool) uint64 {
	switch {
	case begins:
		return now - beginTime
	case flow != nil && flow.Owner == nil:
		return now - unknownTime
	}
	return now - knownTime
}

// renew is the flow with another answer. One that only expired keeps its owner unless there is
// another one.
func renew(before *Flow, a *answer, now uint64, begins bool) *Flow {
	flow := &Flow{key: a.key, answer: a, expires: now + unknownTime}
	flow.own(a.owner.Load())
	if flow.Owner != nil {
		flow.expires = now + knownTime
	}
	switch {
	case before == nil:
		return flow
	case before.answer == a, !begins && (flow.Owner == nil || before.Owner != nil && *before.Owner == *flow.Owner):
		before.answer, before.expires = a, flow.expires
		return before
	}
	return flow
}

// remember keeps a flow with the young ones.
func (o *Owners) remember(flow *Flow) {
	if len(o.young) >= maxFlows {
		o.old, o.young = o.young, make(map[flowKey]*Flow, maxFlows)
	}
	o.young[flow.key] = flow
}

// mayAsk says whether one more new flow may be looked at.
func (o *Owners) mayAsk(now uint64) bool {
	if second := now / uint64(time.Second); second != o.second {
		o.second, o.fresh = second, 0
	}
	o.fresh++
	return o.fresh <= maxFresh
}

// wait gives the resolver a moment, so that the flow's first packet can be told of; not too many of
// them.
func (o *Owners) wait(a *answer) {
	select {
	case <-a.done:
		return
	default:
	}
	start := time.Now()
	if !o.waits.left(start) {
		return
	}
	late := time.NewTimer(ownerWait)
	defer late.Stop()
	select {
	case <-a.done:
	case <-late.C:
	}
	o.waits.spend(time.Now(), time.Since(start))
}
