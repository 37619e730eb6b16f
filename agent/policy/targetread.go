package policy

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"dlx/engine"
	"dlx/internal/strictyaml"
)

// namespaces are those by which a container can be in the host, by their names in /proc/PID/ns
// (namespaces(7)). Control groups and, mostly, users are the host's by default, and left out.
var namespaces = []string{"mnt", "net", "pid", "ipc", "uts"}

// Namespaces lists the names of Ask.Host.
func Namespaces() []string { return slices.Clone(namespaces) }

var targetKeys = []string{"subject", "runtime", "name", "image", "labels", "owner", "host"}

func (k ruleKind) readTargets(r *reader, f strictyaml.Field) condition {
	var list targets
	for _, n := range r.list(f, "targets") {
		list = append(list, k.readPattern(r, n))
	}
	return list
}

func (k ruleKind) readPattern(r *reader, n *yaml.Node) *pattern {
	p := &pattern{line: n.Line}
	if k == allow {
		p.subject = engine.SubjectContainer
	}
	for key, f := range r.Fields(n, "an entry of targets", targetKeys) {
		switch key {
		case "subject":
			p.subject = one(r, f, key, oneOf[engine.Subject](subjects))
		case "runtime":
			p.runtime = one(r, f, key, oneOf[string](runtimes))
		case "name":
			p.name = one(r, f, key, parsePattern)
		case "image":
			p.image = one(r, f, key, parsePattern)
		case "labels":
			p.labels = each(r, f, key, parseLabel)
		case "owner":
			p.owner = one(r, f, key, parseOwner)
		case "host":
			p.host = each(r, f, key, oneOf[string](namespaces))
		}
	}
	p.check(r)
	return p
}

// check finds what can never be met together.
func (p *pattern) check(r *reader) {
	if p.subject != subjectProcess && p.subject != engine.SubjectNetNS {
		return
	}
	switch {
	case p.runtime != "" || p.image != "" || len(p.labels) > 0 || p.owner.given:
		r.Fail(p.line, "a %s has no runtime, and so neither image nor labels nor owner", p.subject)
	case p.name != "" && p.subject == subjectProcess:
		r.Fail(p.line, "a process has no name: its number says nothing of it")
	}
}
