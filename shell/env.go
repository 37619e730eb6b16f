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

// AddTarget takes over the container's variables; for a toolbox session but for those that make a shell or loader run or
// read what the container chose.
func (e *Environment) AddTarget(list []string, toolbox bool) {
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if ok && name != "" && (!toolbox || !steers(name)) {
			e.Set(name, value)
		}
	}
}

// steering names the variables that are not taken over: bash(1), sh(1), ld.so(8), Go's runtime.
var steering = map[string]bool{
	"BASH_ENV": true, "ENV": true, "SHELLOPTS": true, "BASHOPTS": true, "PROMPT_COMMAND": true, "PS0": true, "PS1": true,
	"PS2": true, "PS4": true, "IFS": true, "CDPATH": true, "GLOBIGNORE": true, "HISTFILE": true, "INPUTRC": true,
	"GODEBUG": true, "GOTRACEBACK": true, "TERMINFO": true, "TERMINFO_DIRS": true, "TERMCAP": true, "SSL_CERT_FILE": true,
	"SSL_CERT_DIR": true, "PAGER": true, "EDITOR": true, "VISUAL": true, "LESSOPEN": true, "LESSCLOSE": true, "LESS": true,
	"CURL_CA_BUNDLE": true, "XTRACEFD": true, "BASH_XTRACEFD": true, "BASH_LOADABLES_PATH": true, "OLDPWD": true, "PWD": true,
}

func steers(name string) bool {
	return steering[name] || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "BASH_FUNC_") || strings.HasPrefix(name, "MALLOC_")
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
