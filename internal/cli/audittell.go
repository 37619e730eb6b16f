package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"

	"dlx/engine"
	"dlx/internal/printable"
	"dlx/record/audit"
)

// tell prints a line of a story, if there is something to tell.
func (a *app) tell(what, text string) error {
	if text == "" {
		return nil
	}
	return a.printf("%-11s %s\n", what+":", printable.Escape(text))
}

// tellBegin prints who, why, what was decided, and what was given.
func (a *app) tellBegin(e *audit.Entry) error {
	who, target := "", ""
	if w := e.Who; w != nil {
		who = w.User
		if w.UID != nil {
			who += fmt.Sprintf(" (uid %d)", *w.UID)
		}
		who += ", known by " + w.How
		if w.From != "" {
			who += ", from " + w.From
		}
		if w.Key != "" {
			who += ", key " + w.Key
		}
	}
	if t := e.Target; t != nil {
		target = t.Runtime + "://" + t.Name + ", ID " + t.ID
		if t.Image != "" {
			target += ", image " + t.Image
		}
		if t.PID > 0 {
			target += fmt.Sprintf(", PID %d", t.PID)
		}
	}
	decision := ""
	if d := e.Decision; d != nil {
		decision = "allowed"
		if !d.Allowed {
			decision = "refused"
		}
		if d.Rule != "" {
			decision += fmt.Sprintf(" by the rule %q", d.Rule)
		}
		if d.Policy != "" {
			decision += ", policy " + d.Policy
		}
	}
	errs := []error{
		a.tell("operation", e.ID), a.tell("verb", e.Verb), a.tell("began", e.Time.Local().Format(time.DateTime)), a.tell("who", who),
		a.tell("why", cmp.Or(e.Reason, "no reason was given")), a.tell("decision", decision), a.tell("target", target),
	}
	if s := e.Session; s != nil {
		errs = append(errs, a.tellSession(s))
	}
	if c := e.Capture; c != nil {
		errs = append(errs, a.tell("capture", fmt.Sprintf("interface %s, filter %s, snaplen %d", cmp.Or(c.Interface, "all"), cmp.Or(c.Filter, "none"), c.SnapLen)))
	}
	for _, t := range e.Toolboxes {
		errs = append(errs, a.tell("toolbox", fmt.Sprintf("%s %s, %s, signed by %s", t.Name, t.Version, t.Digest, t.Key)))
	}
	return errors.Join(errs...)
}

func (a *app) tellSession(s *audit.Session) error {
	got := fmt.Sprintf("file system %s, user %d:%d", s.FS, s.UID, s.GID)
	if s.TTY {
		got += ", a terminal"
	}
	if s.ReadOnly {
		got += ", read-only"
	}
	if len(s.Devices) > 0 {
		got += ", devices " + strings.Join(s.Devices, " ")
	}
	restraints := ""
	if s.Restraints != nil {
		restraints = s.Restraints.String()
	}
	return errors.Join(a.tell("command", words(s.Command)), a.tell("got", got), a.tell("restraints", restraints))
}

// tellChanges prints the files that have changed.
func (a *app) tellChanges(c *audit.Changes) error {
	switch {
	case c == nil:
		return nil
	case len(c.List) == 0 && c.Unknown != "":
		return a.tell("files", "what has changed is not known: "+c.Unknown)
	case len(c.List) == 0:
		return a.tell("files", "none has changed in the container's layer")
	}
	err := a.tell("files", fmt.Sprintf("%d have changed in the container's layer meanwhile, by the session or the container itself", len(c.List)+c.More))
	t := a.table("  TIME", "KIND", "MODE", "UID", "SIZE", "PATH")
	for _, one := range c.List {
		size := "-"
		if one.Kind == "file" {
			size = fmt.Sprint(one.Size)
		}
		t.row([]string{"  " + one.Time.Local().Format("15:04:05.000"), one.Kind, orDash(one.Mode), fmt.Sprint(one.UID), size, one.Path})
	}
	err = errors.Join(err, t.flush())
	if c.More > 0 {
		err = errors.Join(err, a.printf("  and %d more for which the record had no room\n", c.More))
	}
	if c.Unknown != "" {
		err = errors.Join(err, a.printf("  not all is known: %s\n", printable.Escape(c.Unknown)))
	}
	return err
}

// tellEnd prints what has become of it.
func (a *app) tellEnd(s *story) error {
	e := s.end
	if e == nil {
		return a.tell("outcome", "its end is not recorded: it is under way, or its agent was killed")
	}
	outcome := ""
	if o := e.Outcome; o != nil {
		var parts []string
		if o.Exit != nil {
			parts = append(parts, fmt.Sprintf("exit %d", *o.Exit))
		}
		if o.Error != "" {
			parts = append(parts, o.Error)
		}
		parts = append(parts, fmt.Sprintf("%d bytes", o.Bytes))
		if o.Packets > 0 {
			parts = append(parts, fmt.Sprintf("%d packets, %d dropped", o.Packets, o.Drops))
		}
		outcome = strings.Join(parts, ", ")
	}
	recording := ""
	if r := e.Recording; r != nil {
		how := "dlx play " + e.ID
		if e.Verb == string(engine.VerbCapture) {
			id, _, _ := strings.Cut(e.ID, ".")
			how = "dlx captures fetch " + id
		}
		recording = fmt.Sprintf("%s, %s, %s; `%s`", r.Name, units.BytesSize(float64(r.Bytes)), r.Digest, how)
	}
	ended := fmt.Sprintf("%s, after %s", e.Time.Local().Format(time.DateTime), e.Time.Sub(s.begin.Time).Round(time.Millisecond))
	return errors.Join(a.tell("ended", ended), a.tell("outcome", outcome), a.tell("recording", recording), a.tell("note", e.Text))
}
