package metrics

import (
	"errors"
	"slices"
	"time"

	"dlx/fault"
)

// Call is a call under way.
type Call struct {
	m     *Set
	verb  string
	since time.Time
	bytes *series
}

// Call counts a call that begins.
func (m *Set) Call(verb string) *Call {
	m.active.with(verb).add(1)
	return &Call{m: m, verb: verb, since: time.Now(), bytes: m.bytes.with(verb)}
}

// Began notes that its command runs, or that its capture's sockets are open.
func (c *Call) Began() {
	c.m.starts.with(c.verb).observe(c.m.starts, time.Since(c.since).Seconds())
}

// Sent counts bytes for the client.
func (c *Call) Sent(n int) { c.bytes.add(int64(n)) }

// Packets counts packets for the client, and those that were lost since.
func (c *Call) Packets(sent, dropped uint64) {
	c.m.packets.with().add(int64(sent))
	c.m.drops.with().add(int64(dropped))
}

// End counts what has become of it, and returns the word for that and how long it has taken.
func (c *Call) End(err error) (outcome string, took time.Duration) {
	took, outcome = time.Since(c.since), Outcome(err)
	c.m.active.with(c.verb).add(-1)
	c.m.calls.with(c.verb, outcome).add(1)
	c.m.callTime.with(c.verb).observe(c.m.callTime, took.Seconds())
	if err != nil {
		c.m.errors.with(c.verb, string(KindOf(err))).add(1)
	}
	return outcome, took
}

// denied are the kinds of what a policy or a bound does not let through.
var denied = []fault.Kind{fault.Refused, fault.TooMany, fault.Unknown}

// Outcome is the word for how a call has ended: ok, failed or refused.
func Outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case slices.ContainsFunc(denied, func(k fault.Kind) bool { return errors.Is(err, k) }):
		return "refused"
	}
	return "failed"
}

// KindOf is an error's kind.
func KindOf(err error) fault.Kind {
	if f := fault.Of(err); f != nil {
		return f.Kind
	}
	return fault.Internal
}

// runtimes are what an operation's can be: a runtime's scheme, or what the target is in place of a
// container.
var runtimes = []string{"docker", "containerd", "crio", "podman", "pid", "netns", "image", "stopped", "container"}

// Decided counts an operation that a gate was asked about, and how long it took to decide. err is
// why it is not done.
func (m *Set) Decided(verb, runtime string, took time.Duration, err error) {
	m.decisions.with().observe(m.decisions, took.Seconds())
	outcome := "admitted"
	switch {
	case errors.Is(err, fault.NoRecord):
		outcome = "unrecorded"
	case err != nil:
		outcome = "denied"
	}
	if !slices.Contains(runtimes, runtime) {
		runtime = other
	}
	m.operations.with(verb, runtime, outcome).add(1)
}
