package printable

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// hinter is an error that knows what to do about it.
type hinter interface{ Hint() string }

// careted is an error in an expression, which shows the place in it.
type careted interface{ Caret() string }

// Report writes an error as one line, in the name of a program; the place in an expression below
// it; and what to do about it as another.
func Report(w io.Writer, program string, err error) {
	line := func(format, text string) { _, _ = fmt.Fprintf(w, format+"\n", Escape(text)) }
	line(program+": %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	var c careted
	if errors.As(err, &c) {
		for text := range strings.Lines(c.Caret()) {
			line("  %s", strings.TrimSuffix(text, "\n"))
		}
	}
	var h hinter
	if errors.As(err, &h) && h.Hint() != "" {
		line("hint: %s", h.Hint())
	}
}
