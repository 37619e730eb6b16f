package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dlx/engine"
	"dlx/internal/strictyaml"
)

// The verbs that the agent asks about by itself. List has a target, each container by itself; the
// others have none.
const (
	VerbList      engine.Verb = "list"      // whether a container is shown
	VerbNetNS     engine.Verb = "netns"     // listing the host's network namespaces
	VerbToolboxes engine.Verb = "toolboxes" // listing and checking those that the agent keeps
	VerbImport    engine.Verb = "import"    // giving the agent one to keep
	VerbHealth    engine.Verb = "health"
	VerbSessions  engine.Verb = "sessions" // of others
	VerbAudit     engine.Verb = "audit"
	VerbCaptures  engine.Verb = "captures" // of others, that the agent keeps: listing, fetching, stopping and removing
)

// targeted says of each verb whether something is done to a target.
var targeted = map[engine.Verb]bool{
	engine.VerbDebug: true, engine.VerbCapture: true, engine.VerbInterfaces: true, engine.VerbInject: true, engine.VerbEject: true,
	engine.VerbHold: true, VerbList: true,
	VerbNetNS: false, VerbToolboxes: false, VerbImport: false, VerbHealth: false, VerbSessions: false, VerbAudit: false, VerbCaptures: false,
}

// verbs are those of which a rule speaks.
type verbs []engine.Verb

func (v verbs) lacks(q *question) string {
	if slices.Contains(v, q.op.Verb) {
		return ""
	}
	return "verb " + string(q.op.Verb) + " is not in it"
}

func (v verbs) touches(q *question) bool { return slices.Contains(v, q.op.Verb) }

// VerbNames lists all verbs in order.
func VerbNames() (names []string) {
	for _, v := range slices.Sorted(maps.Keys(targeted)) {
		names = append(names, string(v))
	}
	return names
}

func readVerbs(r *reader, f strictyaml.Field) condition {
	return verbs(each(r, f, "verbs", func(s string) (engine.Verb, error) {
		if _, known := targeted[engine.Verb(s)]; !known {
			return "", fmt.Errorf("no verb %s: there are %s", strictyaml.Quote(s), strings.Join(VerbNames(), ", "))
		}
		return engine.Verb(s), nil
	}))
}

func (v verbs) String() string {
	var names []string
	for _, verb := range v {
		names = append(names, string(verb))
	}
	return strings.Join(names, ", ")
}

// OnTarget says whether a verb is done to a target, and whether there is such a verb.
func OnTarget(v engine.Verb) (on, known bool) {
	on, known = targeted[v]
	return on, known
}
