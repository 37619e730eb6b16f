package policy

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxText is the most bytes of one value.
const maxText = 1 << 10

// field is a key with its value.
type field struct {
	line  int
	value *yaml.Node
}

// fields takes a mapping apart. A key that is not one of the allowed ones, or is there twice, is a
// mistake.
func (r *reader) fields(n *yaml.Node, what string, allowed []string) map[string]field {
	if n.Kind != yaml.MappingNode {
		r.fail(n.Line, "%s is made of keys with values: %s", what, strings.Join(allowed, ", "))
		return nil
	}
	all := map[string]field{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first, twice := all[key.Value]; {
		case key.Kind != yaml.ScalarNode || !slices.Contains(allowed, key.Value):
			r.fail(key.Line, "unknown key %s: %s takes %s", quote(key.Value), what, strings.Join(allowed, ", "))
		case twice:
			r.fail(key.Line, "the key %s was given in line %d: a list holds several values", key.Value, first.line)
		default:
			all[key.Value] = field{key.Line, value}
		}
	}
	if len(n.Content) == 0 {
		r.fail(n.Line, "%s is empty, which does not mean all: it takes %s", what, strings.Join(allowed, ", "))
	}
	return all
}

// list takes the list of a key apart.
func (r *reader) list(f field, key string) []*yaml.Node {
	switch {
	case f.value.Kind != yaml.SequenceNode:
		r.fail(f.value.Line, "%s takes a list, as in %s: [ONE, TWO]", key, key)
		return nil
	case len(f.value.Content) == 0:
		r.fail(f.value.Line, "%s is empty, which does not mean all: leave the key or the rule out", key)
	}
	return f.value.Content
}

// scalar is the text of a value: a string, or a whole number as it is written. What YAML takes for
// something else, such as a fraction or true, has to be quoted.
func (r *reader) scalar(n *yaml.Node, key string) (string, bool) {
	switch tag := n.ShortTag(); {
	case n.Kind != yaml.ScalarNode:
		r.fail(n.Line, "%s takes single values", key)
	case tag == "!!null" || n.Value == "":
		r.fail(n.Line, "%s has an empty value", key)
	case tag != "!!str" && tag != "!!int":
		r.fail(n.Line, "%s: put %s in quotes, if that text is meant", key, quote(n.Value))
	case len(n.Value) > maxText:
		r.fail(n.Line, "%s: a value of more than %d bytes", key, maxText)
	default:
		return n.Value, true
	}
	return "", false
}

// one reads a single value by a function that says what it has to be like.
func one[T any](r *reader, f field, key string, parse func(string) (T, error)) (v T) {
	s, ok := r.scalar(f.value, key)
	if !ok {
		return v
	}
	v, err := parse(s)
	if err != nil {
		r.fail(f.value.Line, "%s: %v", key, err)
	}
	return v
}

// each reads the values of a list in the same way. One that is there twice is a mistake.
func each[T any](r *reader, f field, key string, parse func(string) (T, error)) (list []T) {
	seen := map[string]bool{}
	for _, n := range r.list(f, key) {
		s, ok := r.scalar(n, key)
		if ok && seen[s] {
			r.fail(n.Line, "%s has %s twice", key, quote(s))
			continue
		}
		seen[s] = true
		if ok {
			list = append(list, one(r, field{n.Line, n}, key, parse))
		}
	}
	return list
}

// oneOf takes one of some words.
func oneOf[T ~string](words []string) func(string) (T, error) {
	return func(s string) (T, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%s is none of %s", quote(s), strings.Join(words, ", "))
		}
		return T(s), nil
	}
}

// boolean is true or false, as YAML 1.2 writes them.
func (r *reader) boolean(f field, key string) bool {
	if f.value.Kind != yaml.ScalarNode || f.value.Value != "true" && f.value.Value != "false" || f.value.ShortTag() != "!!bool" {
		r.fail(f.value.Line, "%s takes true or false", key)
	}
	return f.value.Value == "true"
}

// required is the one word that filter and reason take.
func (r *reader) required(f field, key string) bool {
	return one(r, f, key, oneOf[string]([]string{"required"})) != ""
}

// quote is a text of the file in an error.
func quote(s string) string { return fmt.Sprintf("%.64q", s) }
