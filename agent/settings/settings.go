// Package settings has a program's settings come from a file, from variables of the environment and
// from flags, each of which goes before the ones named first. A set of flags is the one table of
// them: a flag --some-name is the file's key some-name and the variable PREFIX_SOME_NAME.
package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"dlx/internal/strictyaml"
)

// Table is what can be set.
type Table struct {
	Flags  *pflag.FlagSet
	New    func() *pflag.FlagSet // another set of the same flags
	Prefix string                // of variables, with its underscore
	Not    []string              // flags that are no settings
	// Checks say what is wrong with a value that its flag has taken: "takes X, not Y".
	Checks map[string]func(value string) error
}

// From is where a value comes from, in the order of precedence.
type From int

// The places.
const (
	Default From = iota
	File
	Variable
	Flag
)

// Value is what holds.
type Value struct {
	Name  string
	Value string
	Bool  bool // it is true or false
	From  From
	Where string // "default", FILE:LINE, $VARIABLE or --flag
}

// Error is a mistake in a variable or a flag.
type Error struct {
	Where string
	Err   error
}

func (e *Error) Error() string { return e.Where + " " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// names are those of all settings, in the order of the alphabet.
func (t *Table) names() (list []string) {
	t.Flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(t.Not, f.Name) {
			list = append(list, f.Name)
		}
	})
	return list
}

// Variable is the name of a setting's.
func (t *Table) Variable(name string) string {
	return t.Prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Load sets all flags that were not given to what the file and the environment say, and returns
// what holds then. data is the file's, nil if there is none. What is wrong in the file is one
// strictyaml.Errors, also where a variable or a flag goes before it; else the error is an *Error.
// strangers are variables of the prefix that are no settings.
func (t *Table) Load(file string, data []byte, environ []string) (values []Value, strangers []string, err error) {
	names := t.names()
	from := map[string]Value{}
	if data != nil {
		if err := t.file(file, data, from); err != nil {
			return nil, nil, err
		}
	}
	if strangers, err = t.environment(environ, from); err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		f := t.Flags.Lookup(name)
		v, ok := from[name]
		switch {
		case f.Changed:
			if err := t.check(name, f.Value.String()); err != nil {
				return nil, nil, &Error{"--" + name, err}
			}
			v = Value{Value: f.Value.String(), From: Flag, Where: "--" + name}
		case !ok:
			v = Value{Value: f.Value.String(), Where: "default"}
		default:
			if err := f.Value.Set(v.Value); err != nil {
				return nil, nil, &Error{v.Where, err}
			}
		}
		v.Name, v.Bool = name, f.Value.Type() == "bool"
		values = append(values, v)
	}
	return values, strangers, nil
}

// file sets what a file says.
func (t *Table) file(name string, data []byte, from map[string]Value) error {
	r := &strictyaml.Reader{File: name, What: "configuration"}
	root := r.Document(data)
	if root == nil {
		return r.Err()
	}
	top := r.Fields(root, "a configuration", append([]string{"version"}, t.names()...))
	r.Version(root, top)
	for key, f := range top {
		if key == "version" {
			continue
		}
		var text string
		if t.Flags.Lookup(key).Value.Type() == "bool" {
			text = strconv.FormatBool(r.Boolean(f, key))
		} else if scalar, ok := r.Scalar(f.Value, key); ok {
			text = scalar
		} else {
			continue
		}
		if err := t.try(key, text); err != nil {
			r.Fail(f.Value.Line, "%s %s", key, err)
		}
		from[key] = Value{Value: text, From: File, Where: fmt.Sprintf("%s:%d", name, f.Line)}
	}
	return r.Err()
}

// environment sets what variables say. One that is empty says nothing.
func (t *Table) environment(environ []string, from map[string]Value) (strangers []string, err error) {
	settings := map[string]string{}
	for _, name := range t.names() {
		settings[t.Variable(name)] = name
	}
	for _, pair := range environ {
		variable, text, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(variable, t.Prefix) || text == "" {
			continue
		}
		name, ok := settings[variable]
		if !ok {
			strangers = append(strangers, variable)
			continue
		}
		if err := t.try(name, text); err != nil {
			return nil, &Error{"$" + variable, err}
		}
		from[name] = Value{Value: text, From: Variable, Where: "$" + variable}
	}
	return strangers, nil
}

// try says what is wrong with a value, which it does not set.
func (t *Table) try(name, text string) error {
	if len(text) > maxText || strings.ContainsRune(text, 0) {
		return fmt.Errorf("takes no text of more than %d bytes, nor with a NUL", maxText)
	}
	if err := t.New().Lookup(name).Value.Set(text); err != nil {
		return fmt.Errorf("takes no %.64q: %w", text, err)
	}
	return t.check(name, text)
}

func (t *Table) check(name, text string) error {
	if check := t.Checks[name]; check != nil && text != "" {
		return check(text)
	}
	return nil
}

// maxText is how long a value can be, in bytes, wherever it comes from.
const maxText = 1 << 10
