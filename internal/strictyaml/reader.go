// Package strictyaml reads files of YAML that say what holds on a machine: what is not understood
// is a mistake with a line, nothing is hidden in them, and nobody but their owner writes them.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"dlx/internal/printable"
)

// Bounds of a file.
const (
	MaxSize  = 1 << 20 // bytes
	maxDepth = 8       // of nesting; a policy has 5
)

// Reader takes a file of YAML apart, and notes all that is wrong in it.
type Reader struct {
	File string
	What string // it is to be: "policy"
	Errs Errors
}

// Fail notes a mistake.
func (r *Reader) Fail(line int, format string, args ...any) {
	r.Errs = append(r.Errs, &Error{r.File, line, fmt.Sprintf(format, args...)})
}

// Document returns the only document of a file, without anchors, aliases and tags: a file says what
// it means in the place where it is read. It is nil if there is none that is right.
func (r *Reader) Document(data []byte) *yaml.Node {
	if !r.text(data) {
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	err := d.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		r.Fail(1, "there is no %s in it: it begins with version: %s", r.What, version)
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	if err = d.Decode(&next); err == nil {
		r.Fail(next.Line, "a second document begins: a %s is one", r.What)
		return nil
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err)
		return nil
	}
	if !r.literal(&doc, 0) {
		return nil
	}
	return doc.Content[0]
}

// text wants text that shows all that is in it: what turns the direction of writing, or has no
// picture, makes people read another text than the one that holds.
func (r *Reader) text(data []byte) bool {
	if len(data) > MaxSize {
		r.Fail(1, "longer than %d bytes", MaxSize)
		return false
	}
	line := 1
	for rest := data; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		switch {
		case c == '\n':
			line++
		case c == utf8.RuneError:
			r.Fail(line, "not text in UTF-8")
			return false
		case c != '\t' && c != '\r' && !unicode.IsPrint(c):
			r.Fail(line, `%U is a character that can not be seen: in double quotes it can be written \u%04X`, c, c)
			return false
		}
		rest = rest[n:]
	}
	return true
}

// syntax tells where a text is no YAML, and what the place is part of.
func (r *Reader) syntax(err error) {
	e, ok := errors.AsType[*yaml.LoadError](err)
	switch {
	case !ok:
		r.Fail(0, "not YAML: %v", err)
	case e.ContextMsg == "" || e.ContextMark.Line == 0 || e.ContextMark.Line == e.Mark.Line:
		r.Fail(e.Mark.Line, "not YAML: %s", e.Message)
	default:
		r.Fail(e.Mark.Line, "not YAML: %s %s, which begins in line %d", e.Message, e.ContextMsg, e.ContextMark.Line)
	}
}

// literal wants a tree of no more than maxDepth, each part of it written out.
func (r *Reader) literal(n *yaml.Node, depth int) bool {
	switch {
	case depth > maxDepth:
		r.Fail(n.Line, "nested more than %d deep", maxDepth)
		return false
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.Fail(n.Line, "anchors and aliases are not taken: write it out")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		r.Fail(n.Line, "tags are not taken: write the value without %.64s", printable.Escape(n.Tag)) // %00 in one is a NUL
		return false
	}
	for _, c := range n.Content {
		if !r.literal(c, depth+1) {
			return false
		}
	}
	return true
}
