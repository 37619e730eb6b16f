package policy

import (
	"cmp"
	"fmt"

	"dlx/agent/identity"
	"dlx/internal/printable"
)

// Decision is what a policy says of an operation.
type Decision struct {
	Allowed bool   `json:"allowed"`
	Line    int    `json:"line,omitempty"` // of the rule that decides; 0: none speaks of it
	Rule    string `json:"rule,omitempty"` // its name
	Why     string `json:"why"`            // one line, for people
	Limits  Limits `json:"limits,omitzero"`
}

// Decide says whether somebody may do what they ask for. A rule that denies it decides, wherever it
// stands, else the first one that allows it. Otherwise it is denied, and the rule that comes
// nearest is named with what it has against it.
func (p *Policy) Decide(who identity.Caller, ask Ask) Decision {
	q := newQuestion(who, &ask)
	if why := q.malformed(); why != "" {
		return Decision{Why: printable.Escape(why)}
	}
	if p == nil {
		return Decision{Why: "there is no policy"}
	}
	for _, ru := range p.rules {
		if ru.kind == deny && ru.touches(q) {
			return p.by(ru, q)
		}
	}
	var near *rule
	missing, best := 0, 0 // the condition of near's that is not met, and how near that is
	for _, ru := range p.rules {
		if ru.kind != allow {
			continue
		}
		at := ru.lacks(q)
		if at == len(ru.conditions) {
			return p.by(ru, q)
		}
		if n := ru.nearness(q, at); at > 0 && n > best {
			near, missing, best = ru, at, n
		}
	}
	return p.byDefault(q, near, missing)
}

// by is the decision of a rule.
func (p *Policy) by(ru *rule, q *question) Decision {
	d := Decision{Allowed: ru.kind == allow, Line: ru.line, Rule: ru.name}
	verb := "denies"
	if d.Allowed {
		verb, d.Limits = "allows", ru.limits()
	}
	d.Why = printable.Escape(fmt.Sprintf("%s:%d: rule %q %s %s the %s", p.name, ru.line, ru.name, verb, &q.who, q))
	return d
}

// byDefault is the decision of no rule.
func (p *Policy) byDefault(q *question, near *rule, missing int) Decision {
	why := fmt.Sprintf("by default: no rule of %s allows %s the %s", p.name, &q.who, q)
	if near != nil {
		why += fmt.Sprintf("; nearest: %s:%d: rule %q: %s", p.name, cmp.Or(near.lines[missing], near.line), near.name, near.conditions[missing].lacks(q))
	}
	return Decision{Why: printable.Escape(why)}
}

// touches says whether a deny rule is met.
func (ru *rule) touches(q *question) bool {
	for _, c := range ru.conditions {
		if !c.touches(q) {
			return false
		}
	}
	return true
}

// lacks is the first condition of an allow rule that is not met, or how many there are.
func (ru *rule) lacks(q *question) int {
	for i, c := range ru.conditions {
		if c.lacks(q) != "" {
			return i
		}
	}
	return len(ru.conditions)
}

// nearness compares rules by what they lack: the later the condition, the nearer, and of those that
// are not for the target, by what it has of theirs.
func (ru *rule) nearness(q *question, at int) int {
	list, ok := ru.conditions[at].(targets)
	if !ok {
		return at * maxScore
	}
	_, score := list.nearest(q)
	return at*maxScore + score
}

func (ru *rule) limits() (l Limits) {
	for _, c := range ru.conditions {
		if of, ok := c.(Limits); ok {
			l = of
		}
	}
	return l
}
