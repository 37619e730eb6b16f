package filter

import (
	"fmt"
	"strings"
)

// Error says what of an expression was not understood, and where.
type Error struct {
	Expr     string
	Pos, End int // bytes of Expr
	Msg      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("filter %q: at %q: %s", e.Expr, e.Expr[e.Pos:e.End], e.Msg)
}

// Hint says what is understood.
func (e *Error) Hint() string {
	return "filters take host, net, port, portrange, proto, ether host, less, greater and protocol names, with and, or, not; no names of hosts or services"
}

// Caret is the expression with a mark below the place.
func (e *Error) Caret() string {
	return e.Expr + "\n" + strings.Repeat(" ", e.Pos) + strings.Repeat("^", max(e.End-e.Pos, 1))
}
