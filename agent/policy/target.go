package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dlx/agent/identity"
	"dlx/engine"
	"dlx/internal/strictyaml"
	"dlx/target"
)

// subjectProcess is a process that was named by its number, container or not. To the engine it is a
// container.
const subjectProcess engine.Subject = "process"

var subjects = []string{
	string(engine.SubjectContainer), string(subjectProcess), string(engine.SubjectStopped), string(engine.SubjectImage), string(engine.SubjectNetNS),
}

// runtimes are the schemes of what a rule can name. Processes and network namespaces are subjects.
var runtimes = []string{"docker", "containerd", "podman"}

// pattern is an entry of targets, all of which has to hold.
type pattern struct {
	line    int
	runtime string
	subject engine.Subject
	name    string
	image   string
	labels  []label
	owner   owner
	host    []string // namespaces of the host's that the target may be in; in a deny rule, is in
}

// label is a key, and a pattern for its value, if one is wanted.
type label struct {
	key, value string
	valued     bool
}

func parseLabel(s string) (label, error) {
	key, value, valued := strings.Cut(s, "=")
	if key == "" || strings.ContainsAny(key, wild) {
		return label{}, fmt.Errorf("%s is no label: KEY or KEY=VALUE, with * and ? in VALUE", strictyaml.Quote(s))
	}
	if _, err := parsePattern(value); valued && err != nil {
		return label{}, err
	}
	return label{key, value, valued}, nil
}

// parsePattern takes text with "*" and "?". With control bytes in it, it is for that text alone.
func parsePattern(s string) (string, error) {
	if strings.ContainsAny(s, notInPatterns) {
		return "", fmt.Errorf("%s: a pattern has * and ?, and no %s", strictyaml.Quote(s), notInPatterns)
	}
	return s, nil
}

// owner is whose runtime has the container: root's by default, since another user's says what that
// user likes.
type owner struct {
	given bool // unless root's
	self  bool // of who asks
	uid   uint32
}

func parseOwner(s string) (owner, error) {
	switch s {
	case "root":
		return owner{given: true}, nil
	case "self":
		return owner{given: true, self: true}, nil
	}
	uid, err := parseID(s)
	if err != nil {
		return owner{}, fmt.Errorf("%s is no owner: root, self (who asks), or a user's number", strictyaml.Quote(s))
	}
	return owner{given: true, uid: uid}, nil
}

// is says whether a target is of that owner's runtime. Nobody but a peer has a number, and root's
// are nobody's own: root of a container that can reach the agent's socket is one as well.
func (o owner) is(uid int, who *identity.Caller) bool {
	if o.self {
		return who.Known == identity.PeerCredentials && uid != 0 && int64(uid) == int64(who.UID)
	}
	return int64(uid) == int64(o.uid)
}

// lacks says what of an allow rule's pattern a target does not have, and how many of its keys come
// before that one.
func (p *pattern) lacks(q *question) (why string, score int) {
	t := &q.op.Target
	steps := []struct {
		ok  bool
		why string
	}{
		{p.subject == q.subject, "that is a " + string(q.subject) + ", and it is for a " + string(p.subject)},
		{p.runtime == "" || p.runtime == t.Runtime, "it is for " + p.runtime},
		{!q.contained() || t.Runtime != "" && p.owner.is(t.Owner, &q.who), "the owner is " + ownerName(t)},
		{p.name == "" || matches(p.name, q.name(p.name)), "the name is not " + p.name},
		{p.image == "" || slices.ContainsFunc(q.images(), func(s string) bool { return matches(p.image, s) }), "the image is not " + p.image},
		{!slices.ContainsFunc(p.labels, func(l label) bool { return !l.matches(t.Labels) }), "it has not all of the labels"},
	}
	for score, step := range steps {
		if !step.ok {
			return step.why, score
		}
	}
	for _, ns := range q.shared() {
		if !slices.Contains(p.host, ns) {
			return "it is in the host's " + ns + " namespace, and host: [" + ns + "] is not there", len(steps)
		}
	}
	return "", len(steps) + 1
}

func (l label) matches(labels map[string]string) bool {
	value, ok := labels[l.key]
	return ok && (!l.valued || matches(l.value, value))
}

func (l label) meets(labels map[string]string) bool {
	value, ok := labels[l.key]
	return ok && (!l.valued || meets(l.value, value))
}

// touches says whether a deny rule's pattern may be the target's. What has no runtime has neither
// name nor image nor labels: a process may be any container's.
func (p *pattern) touches(q *question) bool {
	t, known := &q.op.Target, q.contained() && q.op.Target.Runtime != ""
	named := known || p.subject == q.subject // a network namespace has a name of its own
	meet := func(s string) bool { return meets(p.image, s) }
	switch {
	case p.subject != "" && p.subject != q.subject,
		p.runtime != "" && known && p.runtime != t.Runtime,
		p.owner.given && known && !p.owner.is(t.Owner, &q.who) && (!p.owner.self || q.who.Known == identity.PeerCredentials),
		p.name != "" && named && t.Name != "" && !meets(p.name, q.name(p.name)),
		p.image != "" && known && q.imageKnown() && !slices.ContainsFunc(q.images(), meet),
		known && slices.ContainsFunc(p.labels, func(l label) bool { return !l.meets(t.Labels) }):
		return false
	}
	return len(p.host) == 0 || slices.ContainsFunc(q.shared(), func(ns string) bool { return slices.Contains(p.host, ns) })
}

func ownerName(t *target.Info) string {
	switch {
	case t.Runtime == "":
		return "not known"
	case t.Owner == 0:
		return "root"
	}
	return "user " + strconv.Itoa(t.Owner)
}

// targets are those of which a rule speaks: what one of the patterns is like.
type targets []*pattern

func (list targets) lacks(q *question) string {
	why, _ := list.nearest(q)
	return why
}

// maxScore is above each score of a pattern's.
const maxScore = 16

// nearest says what the pattern lacks of which the target has most, and how much that is.
func (list targets) nearest(q *question) (why string, best int) {
	best = -1
	for _, p := range list {
		miss, score := p.lacks(q)
		if miss == "" {
			return "", score
		}
		if score > best {
			best, why = score, "not for this target: "+miss
		}
	}
	return why, best
}

func (list targets) touches(q *question) bool {
	return targeted[q.op.Verb] && slices.ContainsFunc(list, func(p *pattern) bool { return p.touches(q) })
}
