package capture

import (
	"sync/atomic"
	"time"

	"dlx/capture/process"
	"dlx/internal/linux"
)

// owners knows the processes of a source's flows. It is Run's; a resolver finds out about them meanwhile.
type owners struct {
	resolver answerer
	hurried  func() bool    // says that packets have no time to wait
	look     func(b []byte) // called with a packet, from its network header on, whose addresses may be new; may be nil
	last     *slot          // that the packet before fell into
	slots    [1 << slotBits]slot
	key      flowKey                // of the packet at hand
	young    map[flowKey]*ownedFlow // flows by age: when there are too many young ones, the old ones are forgotten
	old      map[flowKey]*ownedFlow
	second   uint64 // of the packets' time
	fresh    int    // flows that were new in it
	waits    budget
}

// answerer is a *resolver, but for tests.
type answerer interface {
	ask(k *flowKey, since uint64) *answer
	close() error
}

// slot remembers the flow of the last packet that fell into it.
type slot struct {
	ends, ports uint64
	flow        *ownedFlow
}

// ownedFlow is a flow with the process that it belongs to.
type ownedFlow struct {
	expires uint64           // nanoseconds since 1970; then its owner is asked for again
	owner   *process.Process // nil as long as it is not known
	pid     uint32           // of the owner
	told    bool             // the file has a comment on it
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
	// maxFresh is how many new flows of a second are looked at: who makes up more of them must not hold up packets.
	maxFresh = 10_000
	// Times after which a flow's owner is asked for again, in nanoseconds.
	knownTime   = uint64(60 * time.Second)
	unknownTime = uint64(2 * time.Second)
	// beginTime is how much older than the packet that begins a connection the answer about it may be.
	beginTime = uint64(time.Second)
	// ownerWait is how long a flow's first packet waits for its owner to be found.
	ownerWait = 10 * time.Millisecond
)

func newOwners(r answerer, hurried func() bool) *owners {
	o := &owners{resolver: r, hurried: hurried, young: map[flowKey]*ownedFlow{}, waits: budget{share: 20, most: 2 * ownerWait}}
	o.last = &o.slots[0]
	return o
}

// of returns the flow of a packet, nil if it has none that can be told. The IP header is where the packet's network header
// begins; outgoing says that the local end is its source.
func (o *owners) of(f *linux.Frame, network int, outgoing bool) *ownedFlow {
	b := f.Data[min(network, len(f.Data)):]
	if ends, ports, ok := parseCommon(b, outgoing); ok {
		s := o.last
		if s.ends != ends || s.ports != ports {
			s = &o.slots[slotOf(ends, ports)]
			o.last = s
		}
		if s.ends == ends && s.ports == ports && f.Time < s.flow.expires {
			if s.flow.owner == nil {
				s.flow.own(s.flow.answer.owner.Load())
			}
			return s.flow
		}
	}
	return o.uncommon(f, b, outgoing)
}

// uncommon is of for a packet that takes more time.
func (o *owners) uncommon(f *linux.Frame, b []byte, outgoing bool) *ownedFlow {
	k := &o.key
	begins, ok := parseFlow(b, outgoing, f.Interface, k)
	if !ok {
		o.show(b)
		return nil
	}
	s := &o.slots[slotOf(k.ends, k.ports)]
	if s.ends != k.ends || s.ports != k.ports || begins || f.Time >= s.flow.expires || k.ports&isIPv6 != 0 && s.flow.key.long != k.long {
		flow := o.find(f.Time, begins, b)
		if flow == nil {
			return nil
		}
		s.ends, s.ports, s.flow = k.ends, k.ports, flow
	}
	if s.flow.owner == nil {
		s.flow.own(s.flow.answer.owner.Load())
	}
	return s.flow
}

// show has look see a packet.
func (o *owners) show(b []byte) {
	if o.look != nil {
		o.look(b)
	}
}

// own notes a flow's owner, if it is known.
func (f *ownedFlow) own(p *process.Process) {
	if p != nil {
		f.owner, f.pid = p, p.PID
	}
}

// find finds the flow of the packet at hand among those that are not in their slots, or makes one.
func (o *owners) find(now uint64, begins bool, b []byte) *ownedFlow {
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

// since is when an answer must have been made to be good for a flow now. A connection's beginning was seen by the resolver
// when it was on the wire; it may have been sent more than once.
func since(flow *ownedFlow, now uint64, begins bool) uint64 {
	switch {
	case begins:
		return now - beginTime
	case flow != nil && flow.owner == nil:
		return now - unknownTime
	}
	return now - knownTime
}

// renew is the flow with another answer. One that only expired keeps its owner unless there is another one.
func renew(before *ownedFlow, a *answer, now uint64, begins bool) *ownedFlow {
	flow := &ownedFlow{key: a.key, answer: a, expires: now + unknownTime}
	flow.own(a.owner.Load())
	if flow.owner != nil {
		flow.expires = now + knownTime
	}
	switch {
	case before == nil:
		return flow
	case before.answer == a, !begins && (flow.owner == nil || before.owner != nil && *before.owner == *flow.owner):
		before.answer, before.expires = a, flow.expires
		return before
	}
	return flow
}

// remember keeps a flow with the young ones.
func (o *owners) remember(flow *ownedFlow) {
	if len(o.young) >= maxFlows {
		o.old, o.young = o.young, make(map[flowKey]*ownedFlow, maxFlows)
	}
	o.young[flow.key] = flow
}

// mayAsk says whether one more new flow may be looked at.
func (o *owners) mayAsk(now uint64) bool {
	if second := now / uint64(time.Second); second != o.second {
		o.second, o.fresh = second, 0
	}
	o.fresh++
	return o.fresh <= maxFresh
}

// wait gives the resolver a moment, so that the flow's first packet can be told of; not too many of them.
func (o *owners) wait(a *answer) {
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
