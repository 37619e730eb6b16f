package policy

import (
	"crypto/sha256"
	"encoding/hex"

	"go.yaml.in/yaml/v4"

	"dlx/internal/strictyaml"
)

// Policy is what a policy file says. Nothing changes it: a file that has changed is another one. A
// nil Policy allows nothing.
type Policy struct {
	name   string
	digest string
	rules  []*rule
}

// Parse reads a policy; name is what its errors and decisions call the file. Whatever is wrong in
// it is in one strictyaml.Errors.
func Parse(name string, data []byte) (*Policy, error) {
	sum := sha256.Sum256(data)
	r := &reader{strictyaml.Reader{File: name, What: "policy"}}
	p := &Policy{name: name, digest: hex.EncodeToString(sum[:])}
	if root := r.Document(data); root != nil {
		p.rules = r.rules(root)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// reader takes a policy apart.
type reader struct{ strictyaml.Reader }

// MaxSize is how large a policy file can be.
const MaxSize = strictyaml.MaxSize

// rules reads all of a file.
func (r *reader) rules(root *yaml.Node) (list []*rule) {
	top := r.Fields(root, "a policy", []string{"version", "rules"})
	if r.Version(root, top); top["rules"].Value == nil {
		r.Fail(root.Line, "no rules: a policy that allows nothing has a deny rule")
		return nil
	}
	names := map[string]int{}
	for _, n := range r.list(top["rules"], "rules") {
		ru := r.rule(n)
		if ru == nil {
			continue
		}
		if line, twice := names[ru.name]; twice {
			r.Fail(ru.line, "the rule of line %d is called %s too", line, strictyaml.Quote(ru.name))
		}
		names[ru.name] = ru.line
		list = append(list, ru)
	}
	return list
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
