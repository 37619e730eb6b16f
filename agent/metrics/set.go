package metrics

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Set are an agent's metrics. Its methods are for any goroutine.
type Set struct {
	version string
	state   atomic.Pointer[func() State]

	build, ready, recordLost                *family
	active, calls, errors, callTime, starts *family
	bytes, packets, drops                   *family
	operations, decisions                   *family
	appends, records                        *family
	policies                                *family
	spans, unlogged                         *family
}

// State is how an agent is when it is asked.
type State struct {
	Ready      bool // it takes work
	RecordLost bool // nothing can be recorded any more
}

// Bounds of buckets, in seconds: of what a person waits for, of what a session waits for, and of
// whole calls, which sessions and captures are among.
var (
	startBounds  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	quickBounds  = []float64{.00001, .000025, .0001, .00025, .001, .0025, .01, .025, .1, .25, 1, 5}
	wholeBounds  = []float64{.001, .01, .1, 1, 10, 60, 300, 1800, 3600, 14400, 86400}
	verbOutcome  = []string{"verb", "outcome"}
	verbOnly     = []string{"verb"}
	outcomeOnly  = []string{"outcome"}
	verbAndKinds = []string{"verb", "kind"}
)

// New makes an agent's, all of them zero.
func New(version string) *Set {
	m := &Set{version: version}
	m.build = &family{name: "dlx_agent_build_info", kind: gauge, help: "1, with the version of dlx and of Go", labels: []string{"version", "go"}, read: m.readBuild}
	m.ready = &family{name: "dlx_agent_ready", kind: gauge, help: "1 if it takes work, as /readyz says", read: m.readState(func(s State) bool { return s.Ready })}
	m.recordLost = &family{name: "dlx_agent_record_lost", kind: gauge, help: "1 if nothing can be recorded any more, and so nothing is done", read: m.readState(func(s State) bool { return s.RecordLost })}
	m.active = &family{name: "dlx_agent_calls_active", kind: gauge, labels: verbOnly, help: "calls under way; debug is sessions, capture is captures"}
	m.calls = &family{name: "dlx_agent_calls_total", kind: counter, labels: verbOutcome, help: "calls that have ended: ok, failed or refused"}
	m.errors = &family{name: "dlx_agent_errors_total", kind: counter, labels: verbAndKinds, help: "calls that have ended with an error, by its kind"}
	m.callTime = &family{name: "dlx_agent_call_seconds", kind: histogram, labels: verbOnly, bounds: wholeBounds, help: "how long calls have taken, whole sessions and captures among them"}
	m.starts = &family{name: "dlx_agent_start_seconds", kind: histogram, labels: verbOnly, bounds: startBounds, help: "from a call until its command runs or its capture's sockets are open"}
	m.bytes = &family{name: "dlx_agent_sent_bytes_total", kind: counter, labels: verbOnly, help: "bytes of output and of captures, for clients or for the agent's disk"}
	m.packets = &family{name: "dlx_agent_captured_packets_total", kind: counter, help: "packets of captures, for clients or for the agent's disk"}
	m.drops = &family{name: "dlx_agent_dropped_packets_total", kind: counter, help: "packets that captures have lost, because nobody has taken them in time"}
	m.operations = &family{name: "dlx_agent_operations_total", kind: counter, labels: []string{"verb", "runtime", "outcome"}, help: "what was to be done to a container: admitted, denied by the policy or its limits, or not recorded and so not done"}
	m.decisions = &family{name: "dlx_agent_decision_seconds", kind: histogram, bounds: quickBounds, help: "how long it took to decide by the policy and its limits"}
	m.appends = &family{name: "dlx_agent_record_append_seconds", kind: histogram, bounds: quickBounds, help: "how long it took until a line of the record was on the disk"}
	m.records = &family{name: "dlx_agent_records_total", kind: counter, labels: outcomeOnly, help: "lines of the record that were asked for: ok or failed"}
	m.policies = &family{name: "dlx_agent_policy_reloads_total", kind: counter, labels: outcomeOnly, help: "policies that were read anew: ok, or failed, where the old one holds"}
	m.spans = &family{name: "dlx_agent_spans_total", kind: counter, labels: outcomeOnly, help: "spans of traces: sent, failed, or dropped because the endpoint takes none"}
	m.unlogged = &family{name: "dlx_agent_log_suppressed_total", kind: counter, help: "calls without a line in the log, because their caller had too many within a minute"}
	return m
}

// families are all metrics in the order in which they are written.
func (m *Set) families() []*family {
	return append([]*family{
		m.build, m.ready, m.recordLost, m.active, m.calls, m.errors, m.callTime, m.starts, m.bytes, m.packets, m.drops,
		m.operations, m.decisions, m.appends, m.records, m.policies, m.spans, m.unlogged,
	}, process()...)
}

// Watch has the metrics ask how the agent is.
func (m *Set) Watch(state func() State) { m.state.Store(&state) }

func (m *Set) readBuild(tell func(float64, ...string)) { tell(1, m.version, runtime.Version()) }

func (m *Set) readState(of func(State) bool) func(func(float64, ...string)) {
	return func(tell func(float64, ...string)) {
		if state := m.state.Load(); state != nil && of((*state)()) {
			tell(1)
		} else {
			tell(0)
		}
	}
}

// Metric is what there is to be asked for.
type Metric struct {
	Name, Kind, Help string
	Labels           []string
}

// Metrics are all that there are, for people.
func (m *Set) Metrics() (list []Metric) {
	for _, f := range m.families() {
		list = append(list, Metric{f.name, string(f.kind), f.help, f.labels})
	}
	return list
}

// Recorded counts a line of the record, and how long its caller has waited for it.
func (m *Set) Recorded(took time.Duration, err error) {
	m.appends.with().observe(m.appends, took.Seconds())
	m.records.with(outcome(err)).add(1)
}

// Reloaded counts a policy that was read anew.
func (m *Set) Reloaded(err error) { m.policies.with(outcome(err)).add(1) }

// Spans counts spans, which were "sent", "failed" or "dropped".
func (m *Set) Spans(what string, n int) { m.spans.with(what).add(int64(n)) }

// Suppressed counts a call that the log has no line of.
func (m *Set) Suppressed() { m.unlogged.with().add(1) }

func outcome(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}
