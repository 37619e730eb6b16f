package policy

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"dlx/internal/strictyaml"
)

// list takes the list of a key apart.
func (r *reader) list(f strictyaml.Field, key string) []*yaml.Node {
	switch {
	case f.Value.Kind != yaml.SequenceNode:
		r.Fail(f.Value.Line, "%s takes a list, as in %s: [ONE, TWO]", key, key)
		return nil
	case len(f.Value.Content) == 0:
		r.Fail(f.Value.Line, "%s is empty, which does not mean all: leave the key or the rule out", key)
	}
	return f.Value.Content
}

// one reads a single value by a function that says what it has to be like.
func one[T any](r *reader, f strictyaml.Field, key string, parse func(string) (T, error)) (v T) {
	s, ok := r.Scalar(f.Value, key)
	if !ok {
		return v
	}
	v, err := parse(s)
	if err != nil {
		r.Fail(f.Value.Line, "%s: %v", key, err)
	}
	return v
}

// each reads the values of a list in the same way. One that is there twice is a mistake.
func each[T any](r *reader, f strictyaml.Field, key string, parse func(string) (T, error)) (list []T) {
	seen := map[string]bool{}
	for _, n := range r.list(f, key) {
		s, ok := r.Scalar(n, key)
		if ok && seen[s] {
			r.Fail(n.Line, "%s has %s twice", key, strictyaml.Quote(s))
			continue
		}
		seen[s] = true
		if ok {
			list = append(list, one(r, strictyaml.Field{Line: n.Line, Value: n}, key, parse))
		}
	}
	return list
}

// oneOf takes one of some words.
func oneOf[T ~string](words []string) func(string) (T, error) {
	return func(s string) (T, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%s is none of %s", strictyaml.Quote(s), strings.Join(words, ", "))
		}
		return T(s), nil
	}
}

// required is the one word that filter and reason take.
func (r *reader) required(f strictyaml.Field, key string) bool {
	return one(r, f, key, oneOf[string]([]string{"required"})) != ""
}
