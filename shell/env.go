package shell

import (
	"strings"

	"dlx/fault"
)

// The kernel's own bounds for a program's arguments (execve(2)): 128 KiB for one string, and for
// all of them a quarter of the stack limit, 2 MiB as a rule. Here the sum is kept to half of that,
// for the command line and what it starts.
const (
	maxEnvString = 128<<10 - 1
	EnvLimit     = 1 << 20 // bytes of all variables
)

// TooMuchEnvironment reports one that was not even read to its end.
func TooMuchEnvironment() error {
	return fault.New(fault.EnvironmentTooBig, "", "environment has more than %d bytes", EnvLimit)
}

// CheckArgs reports arguments that no program can be started with (execve(2), "Limits on size of
// arguments and environment").
func CheckArgs(args []string) error {
	total := 0
	for i, arg := range args {
		total += len(arg) + 1
		if len(arg) > maxEnvString || total > EnvLimit {
			return fault.New(fault.CommandNotRun, args[0], "run %q: argument %d has %d bytes, all up to it %d: more than a program can be given", args[0], i, len(arg), total)
		}
	}
	return nil
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

// List returns the variables as NAME=VALUE, or a fault.EnvironmentTooBig.
func (e *Environment) List() ([]string, error) {
	list := make([]string, 0, len(e.names))
	total := 0
	for _, name := range e.names {
		s := name + "=" + e.values[name]
		if len(s) > maxEnvString {
			return nil, fault.New(fault.EnvironmentTooBig, name, "environment variable %.64q has %d bytes, more than %d", name, len(s), maxEnvString)
		}
		total += len(s) + 1 + 8 // the string, its NUL, its pointer
		list = append(list, s)
	}
	if total > EnvLimit {
		return nil, fault.New(fault.EnvironmentTooBig, "", "environment has %d bytes, more than %d", total, EnvLimit)
	}
	return list, nil
}
