package filter

import (
	"fmt"
	"strings"
	"unicode"
)

// Error says what of an expression can not be compiled, and where.
type Error struct {
	Expr     string // the whole expression
	Pos, End int    // the place, in bytes of Expr; both are its length if something is missing at the end
	Msg      string // what is wrong, or what was expected
	Err      error  // why a name could not be looked up, or nil
	hint     string
}

func (e *Error) Error() string {
	before, place, after := e.window()
	where := "at the end"
	if e.Pos < e.End {
		where = fmt.Sprintf("at %q", place)
	}
	msg := fmt.Sprintf("filter %q: %s: %s", before+place+after, where, e.Msg)
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// How much of a long expression an error shows, in characters.
const (
	windowBefore = 30
	windowPlace  = 40
	windowAfter  = 20
	cut          = "..."
)

// window is the place with what is around it, so much of it as fits a line.
func (e *Error) window() (before, place, after string) {
	b, p, a := []rune(e.Expr[:e.Pos]), []rune(e.Expr[e.Pos:e.End]), []rune(e.Expr[e.End:])
	if len(b)+len(p)+len(a) > windowBefore+windowPlace+windowAfter {
		if len(b) > windowBefore {
			b = append([]rune(cut), b[len(b)-windowBefore:]...)
		}
		if len(p) > windowPlace {
			p = append(p[:windowPlace:windowPlace], []rune(cut)...)
		}
		if len(a) > windowAfter {
			a = append(a[:windowAfter:windowAfter], []rune(cut)...)
		}
	}
	return string(b), string(p), string(a)
}

// Unwrap is why a name could not be looked up.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what may help.
func (e *Error) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	return "the language is that of pcap-filter(7): qualifiers such as tcp, src, port before a value, joined by and, or, not; quote it for the shell"
}

// Caret is the expression on one line, with a mark below the place. Of a long expression it is what
// is around the place.
func (e *Error) Caret() string {
	before, place, after := e.window()
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, before+place+after)
	return line + "\n" + strings.Repeat(" ", len([]rune(before))) + strings.Repeat("^", max(len([]rune(place)), 1))
}

// span is a place in an expression.
type span struct{ pos, end int }

func (s span) where() span { return s }

// failure is an Error on its way up, before it knows the expression.
type failure struct {
	at   span
	msg  string
	hint string
	err  error
}

func (f *failure) Error() string { return f.msg }

func fail(at span, format string, args ...any) *failure {
	return &failure{at: at, msg: fmt.Sprintf(format, args...)}
}

func (f *failure) withHint(hint string) *failure {
	f.hint = hint
	return f
}

// in completes a failure to an Error.
func (f *failure) in(expr string) *Error {
	end := min(max(f.at.end, f.at.pos), len(expr))
	return &Error{Expr: expr, Pos: min(f.at.pos, end), End: end, Msg: f.msg, Err: f.err, hint: f.hint}
}
