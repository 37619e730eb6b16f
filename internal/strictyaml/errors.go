package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is a mistake in a file.
type Error struct {
	File string
	Line int // from 1; 0: not known
	Msg  string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// Errors are all that is wrong in a file, by line; beyond maxErrors they are not told.
type Errors []*Error

func (list Errors) Error() string {
	var lines []string
	for _, e := range list {
		lines = append(lines, e.Error())
	}
	return strings.Join(lines, "\n")
}

// maxErrors is how many mistakes of a file are told.
const maxErrors = 50

// Err is what is wrong, in the order of its lines; nil if nothing is.
func (r *Reader) Err() error {
	if len(r.Errs) == 0 {
		return nil
	}
	slices.SortStableFunc(r.Errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.Msg, b.Msg))
	})
	return r.Errs[:min(len(r.Errs), maxErrors)]
}
