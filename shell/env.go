package shell

import (
	"fmt"
	"strings"
)

// The kernel's own bounds for the arguments of a program (execve(2)): 128 KiB for one string, a quarter of the stack
// limit, 2 MiB as a rule, for all of them. The sum is kept to half of that, for the command line and what it starts.
const (
	maxEnvString = 128<<10 - 1
	EnvLimit     = 1 << 20 // bytes of all variables
)

// EnvTooLargeError reports an environment that no program could be started with.
type EnvTooLargeError struct {
	Size, Limit int    // bytes; a Size of 0 is not known
	Name        string // the variable that is too long by itself, or ""
}

func (e *EnvTooLargeError) Error() string {
	switch {
	case e.Size == 0:
		return fmt.Sprintf("environment has more than %d bytes", e.Limit)
	case e.Name != "":
		return fmt.Sprintf("environment variable %.64q has %d bytes, more than %d", e.Name, e.Size, e.Limit)
	}
	return fmt.Sprintf("environment has %d bytes, more than %d", e.Size, e.Limit)
}

// Hint says how to start all the same.
func (e *EnvTooLargeError) Hint() string {
	return "--clear-env starts the session without the container's variables"
}

// Environment is a program's environment in order, one value a name.
type Environment struct {
	names  []string
	values map[string]string
}

// Set sets a variable; a later value wins.
func (e *Environment) Set(name, value string) {
	if e.values == nil {
		e.values = map[string]string{}
	}
	if _, ok := e.values[name]; !ok {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

// Get returns a variable's value or "".
func (e *Environment) Get(name string) string { return e.values[name] }

// Inherit says which of a container's variables a session gets.
type Inherit int

// What a session may get.
const (
	InheritHarmless Inherit = iota // those that no tool takes for more than data
	InheritAll
)

// AddTarget takes over a container's variables and returns the names of those that it has left out.
func (e *Environment) AddTarget(list []string, which Inherit) (left []string) {
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			continue
		}
		if which == InheritHarmless {
			if value, ok = harmless(name, value); !ok {
				left = append(left, name)
				continue
			}
		}
		e.Set(name, value)
	}
	return left
}

// List returns the variables as NAME=VALUE, or *EnvTooLargeError.
func (e *Environment) List() ([]string, error) {
	list := make([]string, 0, len(e.names))
	total := 0
	for _, name := range e.names {
		s := name + "=" + e.values[name]
		if len(s) > maxEnvString {
			return nil, &EnvTooLargeError{len(s), maxEnvString, name}
		}
		total += len(s) + 1 + 8 // the string, its NUL, its pointer
		list = append(list, s)
	}
	if total > EnvLimit {
		return nil, &EnvTooLargeError{total, EnvLimit, ""}
	}
	return list, nil
}
