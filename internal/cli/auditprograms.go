package cli

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"dlx/record/audit"
)

// tellPrograms prints each program that ran, in order.
func (a *app) tellPrograms(s *story) error {
	sum := &audit.Ran{}
	if s.end != nil && s.end.Ran != nil {
		sum = s.end.Ran
	}
	why := sum.Unknown
	if s.begin.Ran != nil {
		why = cmp.Or(s.begin.Ran.Unknown, why)
	}
	var err error
	switch {
	case why != "":
		err = a.tell("programs", "what ran is not known: "+why)
	case s.begin.Session == nil:
		return nil
	case len(s.programs) == 0 && sum.Started == 0:
		return a.tell("programs", "none is recorded")
	default:
		err = a.tell("programs", fmt.Sprint(max(sum.Started, uint64(len(s.programs)))))
	}
	if err != nil || len(s.programs) == 0 {
		return err
	}
	last := map[uint32]uint64{} // process: the last program that it was
	for i := range s.programs {
		last[s.programs[i].PID] = s.programs[i].N
	}
	t := a.table("  TIME", "UID", "PID", "PARENT", "ENDED", "PROGRAM")
	for i := range s.programs {
		p := &s.programs[i]
		uid := fmt.Sprint(p.UID)
		if p.EUID != nil {
			uid += fmt.Sprintf(" as %d", *p.EUID)
		}
		t.row([]string{"  " + p.Time.Local().Format("15:04:05.000"), uid, fmt.Sprint(p.PID), fmt.Sprint(p.Parent), ended(p, last[p.PID]), program(p)})
	}
	err = t.flush()
	if mayLie(s.begin.Session) {
		err = errors.Join(err, a.printf("  the session had the right to change what the kernel tells\n"))
	}
	for _, left := range []struct {
		n   uint64
		why string
	}{
		{max(sum.LeftOut, s.leftOut), "for which the record had no room"},
		{sum.Lost, "of which the kernel could not tell"},
		{sum.Missed, "at most, in all sessions, that the kernel has missed"},
	} {
		if left.n > 0 {
			err = errors.Join(err, a.printf("  and %d more %s\n", left.n, left.why))
		}
	}
	return err
}

// mayLie says whether a session could reach the kernel's programs that tell of it.
func mayLie(s *audit.Session) bool {
	r := s.Restraints
	if r == nil || r.UserNS {
		return false
	}
	return r.Privileged || slices.ContainsFunc(r.Capabilities, func(c string) bool { return slices.Contains(telling, c) })
}

// telling are capabilities with which a process reaches eBPF's maps, or the kernel itself
// (capabilities(7)).
var telling = []string{"SYS_ADMIN", "BPF", "SYS_MODULE", "SYS_RAWIO"}

// ended says how a program has ended, and after how long. last is the last one that its process
// was.
func ended(p *audit.Program, last uint64) string {
	switch {
	case p.Status == nil && last != p.N:
		return "replaced"
	case p.Status == nil:
		return "-"
	}
	text := fmt.Sprintf("signal %d", p.Signal)
	if p.Exit != nil {
		text = fmt.Sprintf("exit %d", *p.Exit)
	}
	return text + " after " + p.End.Sub(p.Time).Round(time.Millisecond).String()
}

// program is what was started: its arguments, and where these do not tell it, the file.
func program(p *audit.Program) string {
	text := words(p.Args)
	if p.ArgsBytes > 0 {
		text += fmt.Sprintf("… (%d bytes of arguments)", p.ArgsBytes)
	}
	if p.Unread {
		text = "(arguments could not be read)"
	}
	file := p.Path
	if p.Interpreter != "" {
		file += " by " + p.Interpreter
	}
	if p.File != "" {
		file += " which is " + p.File
	}
	if len(p.Args) > 0 && p.Interpreter == "" && p.File == "" && (p.Args[0] == p.Path || p.Args[0] == path.Base(p.Path)) {
		return text
	}
	return text + "  [" + file + "]"
}

// words are a command's, so that it is seen where each begins and ends.
func words(list []string) string {
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = w
		if w == "" || strings.Trim(w, unquoted) != "" {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// unquoted are characters that need no quotes in a shell.
const unquoted = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_"

// started says in short what an entry tells of programs and files.
func started(r *audit.Ran) string {
	var parts []string
	if n := len(r.Programs); n > 0 {
		parts = append(parts, plural(n, "program", "programs")+": "+program(&r.Programs[0]))
	}
	if n := len(r.Ended); n > 0 {
		parts = append(parts, plural(n, "ended", "ended"))
	}
	if c := r.Changes; c != nil && len(c.List) > 0 {
		parts = append(parts, plural(len(c.List)+c.More, "file has changed", "files have changed"))
	}
	if r.Started > 0 {
		parts = append(parts, plural(int(r.Started), "program", "programs"))
	}
	if n := r.Lost + r.LeftOut; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not recorded", n))
	}
	if r.Unknown != "" {
		parts = append(parts, "what ran is not known: "+r.Unknown)
	}
	return strings.Join(parts, ", ")
}
