package policy

import (
	"fmt"
	"strings"
)

// ParseError is a mistake in a policy file.
type ParseError struct {
	File string
	Line int // from 1; 0: not known
	Msg  string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// ParseErrors are all that is wrong in a policy file, by line; beyond maxErrors they are not told.
type ParseErrors []*ParseError

func (list ParseErrors) Error() string {
	var lines []string
	for _, e := range list {
		lines = append(lines, e.Error())
	}
	return strings.Join(lines, "\n")
}

// maxErrors is how many mistakes of a file are told.
const maxErrors = 50
