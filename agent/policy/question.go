package policy

import (
	"slices"
	"strings"

	"dlx/agent/identity"
	"dlx/engine"
	"dlx/target"
)

// Ask is what somebody asks for.
type Ask struct {
	Operation engine.Operation
	Reason    string
	// Host is the host's own namespaces: inodes, by their names in /proc/1/ns. A target whose
	// namespace can not be compared with it counts as one that has the host's.
	Host map[string]uint64
}

// question is what is decided.
type question struct {
	who     identity.Caller
	op      *engine.Operation
	reason  string
	host    map[string]uint64
	subject engine.Subject
}

func newQuestion(who identity.Caller, ask *Ask) *question {
	q := &question{who: who, op: &ask.Operation, reason: ask.Reason, host: ask.Host, subject: ask.Operation.Subject}
	if q.subject == engine.SubjectContainer && q.op.Target.Runtime == target.PIDScheme {
		q.subject = subjectProcess
	}
	return q
}

// malformed says what of an operation nobody has told, without which there is no deciding.
func (q *question) malformed() string {
	needed := map[engine.Verb]bool{
		engine.VerbDebug: q.op.Session != nil && q.op.Process != nil, engine.VerbCapture: q.op.Capture != nil && q.op.Process != nil,
		engine.VerbInterfaces: q.op.Process != nil, engine.VerbInject: len(q.op.Toolboxes) > 0, engine.VerbHold: q.op.Hold != nil,
	}
	onTarget, verb := targeted[q.op.Verb]
	told, asked := needed[q.op.Verb]
	switch {
	case q.who.Known != identity.PeerCredentials && q.who.Known != identity.Certificate:
		return "nobody knows who asks"
	case !verb:
		return "there is no verb " + string(q.op.Verb)
	case onTarget && !slices.Contains(subjects, string(q.subject)):
		return "nobody says what the target is"
	case asked && !told, q.op.Session != nil && q.op.Verb != engine.VerbDebug, q.op.Capture != nil && q.op.Verb != engine.VerbCapture:
		return "what is told is no whole " + string(q.op.Verb)
	}
	return ""
}

// contained says whether the target is a runtime's, and so has an owner, a name and an image.
func (q *question) contained() bool {
	return q.subject != subjectProcess && q.subject != engine.SubjectNetNS
}

// name is the one that a pattern is about. A network namespace has a path too.
func (q *question) name(pattern string) string {
	if q.subject == engine.SubjectNetNS && strings.HasPrefix(pattern, "/") {
		return q.op.Target.ID
	}
	return q.op.Target.Name
}

// digestPrefix stands in front of the digests by which images are named.
const digestPrefix = "sha256:"

// images are the names of the target's image. For an image that is looked into, its digest is
// known too; of a container, runtimes tell only what its creator called the image.
func (q *question) images() (names []string) {
	t := &q.op.Target
	if t.Image != "" {
		names = append(names, t.Image)
	}
	if q.subject == engine.SubjectImage && t.ID != "" {
		names = append(names, digestPrefix+strings.TrimPrefix(t.BareID(), digestPrefix))
	}
	return names
}

// imageKnown says whether the image has a name that a deny rule can go by: one that was asked for
// by its digest has others.
func (q *question) imageKnown() bool {
	t := &q.op.Target
	return t.Image != "" && (q.subject != engine.SubjectImage ||
		!strings.HasPrefix(strings.TrimPrefix(t.BareID(), digestPrefix), strings.TrimPrefix(t.Image, digestPrefix)))
}

// shared are the namespaces in which the target is the host's, or may be. All but the network is
// the host's for a network namespace by itself, which has its own subject for that reason.
func (q *question) shared() (list []string) {
	if q.op.Process == nil {
		return nil
	}
	for _, ns := range namespaces {
		own, known := q.op.Process.Namespaces[ns]
		if q.subject == engine.SubjectNetNS && ns != "net" {
			continue
		}
		if hosts := q.host[ns]; !known || hosts == 0 || own == hosts {
			list = append(list, ns)
		}
	}
	return list
}

// String is the operation for people, not escaped.
func (q *question) String() string {
	if !targeted[q.op.Verb] {
		return string(q.op.Verb)
	}
	t := &q.op.Target
	ref := target.Ref{Scheme: t.Runtime, Name: t.Name}
	if t.Name == "" || t.Runtime == target.PIDScheme {
		ref.Name = t.ID
	}
	switch q.subject {
	case engine.SubjectStopped, engine.SubjectImage:
		return string(q.op.Verb) + " of the " + string(q.subject) + " " + ref.String()
	}
	return string(q.op.Verb) + " of " + ref.String()
}
