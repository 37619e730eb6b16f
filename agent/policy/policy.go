package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// version is the one of the language of policies that is understood.
const version = 1

// Policy is what a policy file says. Nothing changes it: a file that has changed is another one. A
// nil Policy allows nothing.
type Policy struct {
	name   string
	digest string
	rules  []*rule
}

// Parse reads a policy; name is what its errors and decisions call the file. Whatever is wrong in
// it is in one ParseErrors.
func Parse(name string, data []byte) (*Policy, error) {
	sum := sha256.Sum256(data)
	r := &reader{file: name}
	p := &Policy{name: name, digest: hex.EncodeToString(sum[:])}
	if root := r.document(data); root != nil {
		p.rules = r.rules(root)
	}
	if len(r.errs) == 0 {
		return p, nil
	}
	slices.SortStableFunc(r.errs, func(a, b *ParseError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.Msg, b.Msg))
	})
	return nil, r.errs[:min(len(r.errs), maxErrors)]
}

// rules reads all of a file.
func (r *reader) rules(root *yaml.Node) (list []*rule) {
	top := r.fields(root, "a policy", []string{"version", "rules"})
	if r.version(root, top); top["rules"].value == nil {
		r.fail(root.Line, "no rules: a policy that allows nothing has a deny rule")
		return nil
	}
	names := map[string]int{}
	for _, n := range r.list(top["rules"], "rules") {
		ru := r.rule(n)
		if ru == nil {
			continue
		}
		if line, twice := names[ru.name]; twice {
			r.fail(ru.line, "the rule of line %d is called %s too", line, quote(ru.name))
		}
		names[ru.name] = ru.line
		list = append(list, ru)
	}
	return list
}

// errVersion reports a policy of another dlx's.
var errVersion = errors.New("this dlx takes version: 1")

func (r *reader) version(root *yaml.Node, top map[string]field) {
	f, ok := top["version"]
	if !ok {
		if root.Kind == yaml.MappingNode {
			r.fail(root.Line, "no version: %v", errVersion)
		}
		return
	}
	one(r, f, "version", func(s string) (string, error) {
		if s != "1" {
			return "", errVersion
		}
		return s, nil
	})
}

// Name is what the policy's file is called.
func (p *Policy) Name() string { return p.name }

// Digest is the SHA-256 of the file's bytes, in hexadecimal digits.
func (p *Policy) Digest() string { return p.digest }

// Count is how many rules allow, and how many deny.
func (p *Policy) Count() (allowing, denying int) {
	for _, ru := range p.rules {
		if ru.kind == allow {
			allowing++
		}
	}
	return allowing, len(p.rules) - allowing
}
