package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"dlx/engine"
	"dlx/internal/strictyaml"
)

// ruleKind says what a rule does with what it speaks of.
type ruleKind string

const (
	allow ruleKind = "allow"
	deny  ruleKind = "deny"
)

// condition is a key of a rule. An allow rule allows what lacks nothing of any of its conditions, a
// deny rule denies what touches all of its.
type condition interface {
	// lacks says what an operation has not, or has too much, or "".
	lacks(q *question) string
	// touches says whether an operation is, or may be, one that the condition means.
	touches(q *question) bool
}

// rule is one statement of a policy.
type rule struct {
	kind       ruleKind
	name       string
	line       int
	keys       []string // of the conditions, in the order of ruleKeys
	lines      []int    // of the keys; 0 for what was left out
	conditions []condition
}

// ruleKey is a key of rules.
type ruleKey struct {
	name string
	read func(k ruleKind, r *reader, f strictyaml.Field) condition
	// least is what holds in an allow rule that leaves the key out. Without it, the key has to be
	// there wherever it matters.
	least     condition
	allowOnly bool
	of        verbs // that it says something about; of all if there are none
}

var (
	sessions  = verbs{engine.VerbDebug}
	equipping = verbs{engine.VerbDebug, engine.VerbInject, engine.VerbEject}
)

// ruleKeys are all, in the order in which they are looked at.
var ruleKeys = []ruleKey{
	{name: "who", read: plainly(readPeople)},
	{name: "verbs", read: plainly(readVerbs)},
	{name: "targets", read: ruleKind.readTargets},
	{name: "profiles", of: sessions, read: plainly(func(r *reader, f strictyaml.Field) condition {
		return profiles(each(r, f, "profiles", oneOf[string](profileNames)))
	})},
	{name: "fs", of: sessions, read: plainly(func(r *reader, f strictyaml.Field) condition {
		return filesystems(each(r, f, "fs", oneOf[engine.FS](fsNames)))
	})},
	{name: "users", of: sessions, read: plainly(func(r *reader, f strictyaml.Field) condition { return insiders(each(r, f, "users", parseInsider)) })},
	{name: "devices", of: sessions, least: devices{}, read: plainly(func(r *reader, f strictyaml.Field) condition {
		return devices(each(r, f, "devices", parseDevice))
	})},
	{name: "toolboxes", of: equipping, least: boxes{}, read: plainly(readBoxes)},
	{name: "privileged", of: sessions, least: privileged(false), read: plainly(func(r *reader, f strictyaml.Field) condition {
		return privileged(r.Boolean(f, "privileged"))
	})},
	{name: "limits", least: Limits{}, allowOnly: true, read: plainly(readLimits)},
	{name: "filter", of: verbs{engine.VerbCapture}, least: filtered(false), allowOnly: true, read: plainly(func(r *reader, f strictyaml.Field) condition {
		return filtered(r.required(f, "filter"))
	})},
	{name: "reason", least: reasoned(false), allowOnly: true, read: plainly(func(r *reader, f strictyaml.Field) condition {
		return reasoned(r.required(f, "reason"))
	})},
}

func plainly(read func(*reader, strictyaml.Field) condition) func(ruleKind, *reader, strictyaml.Field) condition {
	return func(_ ruleKind, r *reader, f strictyaml.Field) condition { return read(r, f) }
}

// keys are those that a rule of that kind may have.
func (k ruleKind) keys() (names []string) {
	names = []string{string(k)}
	for _, key := range ruleKeys {
		if k == allow || !key.allowOnly {
			names = append(names, key.name)
		}
	}
	return names
}

// kindOf is the kind of a rule, and its name. Its first key says both.
func (r *reader) kindOf(n *yaml.Node) (ruleKind, string, bool) {
	if n.Kind == yaml.MappingNode && len(n.Content) > 1 {
		if k := ruleKind(n.Content[0].Value); k == allow || k == deny {
			name, ok := r.Scalar(n.Content[1], string(k))
			return k, name, ok
		}
	}
	r.Fail(n.Line, "a rule begins with its name, as allow: NAME or deny: NAME")
	return "", "", false
}

func (r *reader) rule(n *yaml.Node) *rule {
	kind, name, ok := r.kindOf(n)
	if !ok {
		return nil
	}
	ru := &rule{kind: kind, name: name, line: n.Line}
	given := r.Fields(n, "rule "+strictyaml.Quote(name), kind.keys())
	for _, key := range ruleKeys {
		f, there := given[key.name]
		switch {
		case there:
			ru.add(key.name, f.Line, key.read(kind, r, f))
		case kind == allow && key.least != nil:
			ru.add(key.name, 0, key.least)
		}
	}
	ru.check(r)
	return ru
}

func (ru *rule) add(key string, line int, c condition) {
	ru.keys, ru.lines, ru.conditions = append(ru.keys, key), append(ru.lines, line), append(ru.conditions, c)
}

// verbs are those of the rule; a deny rule without them has all.
func (ru *rule) verbs() (list verbs) {
	for _, c := range ru.conditions {
		if v, ok := c.(verbs); ok {
			list = v
		}
	}
	return list
}

// check finds what a rule has to say and does not, and what it says of verbs that have no target.
func (ru *rule) check(r *reader) {
	list := ru.verbs()
	ownVerbs := slices.DeleteFunc(slices.Clone(list), func(v engine.Verb) bool { return targeted[v] })
	if len(ownVerbs) > 0 && (len(ownVerbs) < len(list) || slices.Contains(ru.keys, "targets")) {
		r.Fail(ru.line, "rule %s: %s has no target: put it into a rule of its own, without targets", strictyaml.Quote(ru.name), ownVerbs[0])
	}
	ru.checkKeys(r, list)
	if ru.kind == deny {
		return
	}
	wanted := []string{"who", "verbs"}
	if len(ownVerbs) == 0 {
		wanted = append(wanted, "targets")
	}
	if slices.Contains(list, engine.VerbDebug) {
		wanted = append(wanted, "profiles", "fs", "users")
	}
	var missing []string
	for _, key := range wanted {
		if !slices.Contains(ru.keys, key) {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		r.Fail(ru.line, "rule %s has no %s: what an allow rule is for is written out", strictyaml.Quote(ru.name), strings.Join(missing, ", no "))
	}
}

// checkKeys finds keys that say nothing of any of the rule's verbs: a deny rule with one would
// never be met.
func (ru *rule) checkKeys(r *reader, list verbs) {
	for _, key := range ruleKeys {
		i := slices.Index(ru.keys, key.name)
		if i < 0 || ru.lines[i] == 0 || len(list) == 0 || len(key.of) == 0 {
			continue
		}
		if !slices.ContainsFunc(list, func(v engine.Verb) bool { return slices.Contains(key.of, v) }) {
			r.Fail(ru.lines[i], "%s says something of %s alone, which is not in verbs", key.name, key.of)
		}
	}
}
