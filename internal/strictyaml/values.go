package strictyaml

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxText is the most bytes of one value.
const maxText = 1 << 10

// Field is a key with its value.
type Field struct {
	Line  int
	Value *yaml.Node
}

// Fields takes a mapping apart. A key that is not one of the allowed ones, or is there twice, is a
// mistake.
func (r *Reader) Fields(n *yaml.Node, what string, allowed []string) map[string]Field {
	if n.Kind != yaml.MappingNode {
		r.Fail(n.Line, "%s is made of keys with values: %s", what, strings.Join(allowed, ", "))
		return nil
	}
	all := map[string]Field{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first, twice := all[key.Value]; {
		case key.Kind != yaml.ScalarNode || !slices.Contains(allowed, key.Value):
			r.Fail(key.Line, "unknown key %s: %s takes %s", Quote(key.Value), what, strings.Join(allowed, ", "))
		case twice:
			r.Fail(key.Line, "the key %s was given in line %d: a list holds several values", key.Value, first.Line)
		default:
			all[key.Value] = Field{key.Line, value}
		}
	}
	if len(n.Content) == 0 {
		r.Fail(n.Line, "%s is empty, which does not mean all: it takes %s", what, strings.Join(allowed, ", "))
	}
	return all
}

// Scalar is the text of a value: a string, or a whole number as it is written. What YAML takes for
// something else, such as a fraction or true, has to be quoted.
func (r *Reader) Scalar(n *yaml.Node, key string) (string, bool) {
	switch tag := n.ShortTag(); {
	case n.Kind != yaml.ScalarNode:
		r.Fail(n.Line, "%s takes single values", key)
	case tag == "!!null" || n.Value == "":
		r.Fail(n.Line, "%s has an empty value", key)
	case tag != "!!str" && tag != "!!int":
		r.Fail(n.Line, "%s: put %s in quotes, if that text is meant", key, Quote(n.Value))
	case len(n.Value) > maxText:
		r.Fail(n.Line, "%s: a value of more than %d bytes", key, maxText)
	default:
		return n.Value, true
	}
	return "", false
}

// Boolean is true or false, as YAML 1.2 writes them.
func (r *Reader) Boolean(f Field, key string) bool {
	if f.Value.Kind != yaml.ScalarNode || f.Value.Value != "true" && f.Value.Value != "false" || f.Value.ShortTag() != "!!bool" {
		r.Fail(f.Value.Line, "%s takes true or false", key)
	}
	return f.Value.Value == "true"
}

// Quote is a text of the file in an error.
func Quote(s string) string { return fmt.Sprintf("%.64q", s) }

// version is the only one of all files' languages so far.
const version = "1"

// Version wants a file's key version to be the one that this dlx takes.
func (r *Reader) Version(root *yaml.Node, top map[string]Field) {
	f, ok := top["version"]
	switch {
	case !ok && root.Kind == yaml.MappingNode:
		r.Fail(root.Line, "no version: this dlx takes version: %s", version)
	case ok:
		if s, good := r.Scalar(f.Value, "version"); good && s != version {
			r.Fail(f.Value.Line, "version: this dlx takes version: %s", version)
		}
	}
}
