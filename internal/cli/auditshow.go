package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dlx/internal/printable"
	"dlx/record"
	"dlx/record/audit"
)

type auditShowOptions struct {
	filter       audit.Filter
	since, until string
	output       string
}

func (a *app) auditShowCommand() *cobra.Command {
	var o auditShowOptions
	cmd := &cobra.Command{
		Use:   "show [DIR] [ID]",
		Short: "show the record, or all of one operation",
		Long: "Shows the record of this machine, or the one in a directory; with an agent, that agent's, if its policy has the verb audit for\n" +
			"the user. Of an operation, by its ID or the beginning of that, it tells the whole story: who, why, what was decided, what ran,\n" +
			"which files have changed, and what became of it. It proves nothing: `dlx audit verify` does. -o json has all of each entry.",
		Example: "  dlx audit show --since 24h --user alice\n  dlx audit show --target web --since 2026-11-30 -o json\n  dlx audit show 7Q2M",
		Args:    atMostArgs(2),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.showAudit(cmd.Context(), args, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", "from a time on: 2026-11-30, '2026-11-30 14:05', RFC 3339, or how long ago, as in 90m")
	f.StringVar(&o.until, "until", "", "up to a time, given likewise")
	f.StringVar(&o.filter.User, "user", "", "what a user has done")
	f.StringVar(&o.filter.Target, "target", "", "what was done to a container, by its name or the beginning of its ID")
	f.StringVar(&o.filter.Verb, "verb", "", "what was done by a verb")
	outputFlag(cmd, &o.output)
	mustComplete(cmd, "verb", "debug", "capture", "inject", "eject")
	return cmd
}

// moment reads a time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02 15:04", time.DateTime} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &usageError{fmt.Errorf("%q is no time: 2026-11-30, '2026-11-30 14:05', RFC 3339, or how long ago, as in 90m", text)}
}

func (a *app) showAudit(ctx context.Context, args []string, o *auditShowOptions) error {
	now := time.Now()
	var err error
	if o.filter.Since, err = moment(o.since, now); err != nil {
		return err
	}
	if o.filter.Until, err = moment(o.until, now); err != nil {
		return err
	}
	dir, id := "", ""
	if len(args) > 0 {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() || !record.ValidID(args[0]) || len(args) == 2 {
			dir, args = args[0], args[1:]
		}
	}
	if len(args) > 0 {
		id = args[0]
	}
	return a.withRecord(ctx, dir, func(read readRecord) (err error) {
		if id != "" {
			if o.filter.ID, err = operation(read, id); err != nil {
				return err
			}
		}
		switch {
		case o.output == "table" && id != "":
			return a.tellStory(read, o.filter.ID)
		case o.output == "table":
			return a.showTable(read, o.filter)
		case o.output == "json":
			return a.showJSON(read, o.filter)
		}
		return a.print(o.output, nil, nil)
	})
}

// showJSON writes a list, as it is read.
func (a *app) showJSON(read readRecord, filter audit.Filter) error {
	between := "[\n  "
	bad, err := read(filter, func(e *audit.Entry) error {
		text, err := json.MarshalIndent(e, "  ", "  ")
		if err != nil {
			return err
		}
		err = a.printf("%s%s", between, printable.JSON(text))
		between = ",\n  "
		return err
	})
	end := "\n]\n"
	if between == "[\n  " {
		end = "[]\n"
	}
	return errors.Join(err, a.printf("%s", end), unread(bad))
}

func (a *app) showTable(read readRecord, filter audit.Filter) error {
	t := a.table("TIME", "SEQ", "KIND", "ID", "USER", "VERB", "TARGET", "WHAT")
	bad, err := read(filter, func(e *audit.Entry) error {
		if e.Kind == audit.KindCheckpoint || e.Kind == audit.KindFile {
			return nil // they tell of the log alone
		}
		user, target := "", ""
		if e.Who != nil {
			user = e.Who.User
		}
		if e.Target != nil {
			target = e.Target.Runtime + "://" + e.Target.Name
		}
		t.row([]string{
			e.Time.Local().Format(time.DateTime), strconv.FormatUint(e.Seq, 10), string(e.Kind), orDash(e.ID), orDash(user), orDash(e.Verb),
			orDash(target), orDash(what(e)),
		})
		return nil
	})
	return errors.Join(err, t.flush(), unread(bad))
}

// unread tells of lines that were passed over.
func unread(bad int) error {
	if bad == 0 {
		return nil
	}
	return fmt.Errorf("%s can not be read: `dlx audit verify` says which", plural(bad, "line", "lines"))
}

// maxWhat bounds what a table shows of an entry, in characters.
const maxWhat = 60

// what an entry tells, in short.
func what(e *audit.Entry) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Session != nil {
		add(strings.Join(e.Session.Command, " "))
	}
	if e.Capture != nil {
		add(e.Capture.Filter)
	}
	if e.Decision != nil && !e.Decision.Allowed {
		add(e.Decision.Why)
	}
	if o := e.Outcome; o != nil {
		if o.Exit != nil {
			add("exit " + strconv.Itoa(*o.Exit))
		}
		add(o.Error)
		if o.Packets > 0 {
			add(fmt.Sprintf("%d packets, %d dropped", o.Packets, o.Drops))
		}
	}
	if r := e.Ran; r != nil {
		add(started(r))
	}
	if e.Start != nil && e.Start.Killed {
		add("the writer before was killed; without an end: " + orDash(strings.Join(e.Start.Unfinished, " ")))
	}
	add(strings.Join(e.Removed, " "))
	add(e.Text)
	runes := []rune(strings.Join(parts, ", "))
	if len(runes) > maxWhat {
		return string(runes[:maxWhat-1]) + "…"
	}
	return string(runes)
}
