package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dlx/target"
)

// sayStill says what of a container that does not run, or an image, is shown, how it would be run,
// and how it ended.
func (a *app) sayStill(s *target.Still) {
	what := "image " + s.Name
	if s.State != "" {
		what = fmt.Sprintf("container %s (%s) of image %s", s.Name, s.State, s.Image)
	}
	a.notef("%s: its files are read only, what is written goes with the session; the network is empty, with lo up", what)
	if s.End != nil {
		a.notef("last end: %s", describeEnd(s.End))
	}
	command := append(append([]string{}, s.Entrypoint...), s.Command...)
	user, dir := s.User, s.WorkingDir
	if user == "" {
		user = "root"
	}
	if dir == "" {
		dir = "/"
	}
	a.notef("it runs: %s; entrypoint: %s; user %s in %s", quoteAll(command), quoteAll(s.Entrypoint), user, dir)
	a.notef("environment: %s", quoteAll(s.Env))
	if len(s.Volumes) > 0 {
		a.notef("volumes are not shown: %s", strings.Join(s.Volumes, ", "))
	}
}

// describeEnd is one line.
func describeEnd(e *target.End) string {
	parts := []string{fmt.Sprintf("exit status %d", e.Status)}
	if !e.Time.IsZero() {
		parts = append(parts, e.Time.Local().Format(time.RFC3339))
	}
	if e.OutOfMemory {
		parts = append(parts, "killed by the kernel for its memory limit")
	}
	if e.Error != "" {
		parts = append(parts, "error: "+e.Error)
	}
	return strings.Join(parts, ", ")
}

// quoteAll lists words, with quotes around those that a space or another character would split.
func quoteAll(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`"'\\$;&|<>()`, r) }) {
			list[i] = strconv.Quote(w)
		}
	}
	line := strings.Join(list, " ")
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + "..."
	}
	return line
}

// maxLine is the most bytes of what a container chose that one line has.
const maxLine = 4 << 10
