package applet

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/strftime"
	"github.com/spf13/pflag"
)

// runDate adds forms of date(1) -d to busybox's: "1 hour ago", "yesterday", "2026-11-24T10:00:00Z".
func runDate(args []string) error {
	args = slices.Clone(args)
	for i, a := range args {
		if spec, ok := strings.CutPrefix(a, "-I"); ok && spec != "" {
			args[i] = "--iso-8601=" + spec // pflag knows no letter whose value is optional and stands right behind it
		}
	}
	var f *pflag.FlagSet
	var text string
	var utc bool
	rest, err := flags("date", args, func(set *pflag.FlagSet) {
		f = set
		f.StringVarP(&text, "date", "d", "", "this time and not now, such as yesterday or 2 hours ago")
		f.BoolVarP(&utc, "utc", "u", false, "in UTC")
		f.StringP("iso-8601", "I", "", "in ISO 8601's form, to the date, hours, minutes, seconds or ns")
		f.Lookup("iso-8601").NoOptDefVal = "date"
		f.BoolP("rfc-email", "R", false, "in a mail's form")
		f.StringP("reference", "r", "", "the time that a file was modified")
		f.StringP("set", "s", "", "set the clock")
		f.StringP("format", "D", "", "strptime(3)'s format of -d and -s")
	})
	if err != nil {
		return err
	}
	t, known := time.Now(), text == ""
	if text != "" && !f.Changed("format") {
		if t, known = relativeDate(text, t); known {
			_ = f.Set("date", "@"+strconv.FormatInt(t.Unix(), 10)) // a string takes every text
		}
	}
	if err := throughBusybox(f, rest); !errors.Is(err, errNoBusybox) {
		return err
	}
	var beyond error
	f.Visit(func(flag *pflag.Flag) {
		if flag.Name != "date" && flag.Name != "utc" {
			beyond = fail(exitUsage, "--%s: %w", flag.Name, errNoBusybox)
		}
	})
	switch {
	case beyond != nil:
		return beyond
	case !known || len(rest) > 1:
		return fail(exitUsage, "%s: %w", strings.Join(append(rest, text), " "), errNoBusybox)
	}
	return printDate(t, utc, strings.Join(rest, ""))
}

// printDate is for a toolbox without busybox.
func printDate(t time.Time, utc bool, format string) error {
	if utc {
		t = t.UTC()
	}
	if format == "" {
		fmt.Println(t.Format(time.UnixDate))
		return nil
	}
	format, ok := strings.CutPrefix(format, "+")
	if !ok {
		return fail(exitUsage, "set the clock: %w", errNoBusybox)
	}
	text, err := strftime.Format(format, t, strftime.WithUnixSeconds('s'))
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	fmt.Println(text)
	return nil
}

// dateStep is compiled when it is needed: it would cost every applet its time.
var dateStep = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([+-]?\d+)?\s*(sec|second|min|minute|hour|day|week|fortnight|month|year)s?(\s+ago)?\s*`)
})

// relativeDate reads what busybox's date does not.
func relativeDate(text string, now time.Time) (time.Time, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 UTC", "2006-01-02 15:04 UTC", "2006-01-02 UTC", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, strings.ToUpper(text)); err == nil {
			return t, true
		}
	}
	t, rest := now, text
	for _, word := range []struct {
		name string
		days int
	}{{"now", 0}, {"today", 0}, {"yesterday", -1}, {"tomorrow", 1}} {
		if after, ok := strings.CutPrefix(rest, word.name); ok {
			t, rest = t.AddDate(0, 0, word.days), strings.TrimSpace(after)
		}
	}
	for rest != "" {
		m := dateStep().FindStringSubmatch(strings.Replace(strings.Replace(rest, "last ", "-1 ", 1), "next ", "+1 ", 1))
		if m == nil {
			return t, false
		}
		rest = strings.Replace(strings.Replace(rest, "last ", "-1 ", 1), "next ", "+1 ", 1)[len(m[0]):]
		n := 1
		if m[1] != "" {
			n, _ = strconv.Atoi(m[1])
		}
		if m[3] != "" {
			n = -n
		}
		t = dateAfter(t, n, m[2])
	}
	return t, true
}

func dateAfter(t time.Time, n int, unit string) time.Time {
	switch unit {
	case "day":
		return t.AddDate(0, 0, n)
	case "week":
		return t.AddDate(0, 0, 7*n)
	case "fortnight":
		return t.AddDate(0, 0, 14*n)
	case "month":
		return t.AddDate(0, n, 0)
	case "year":
		return t.AddDate(n, 0, 0)
	}
	unitOf := map[string]time.Duration{"sec": time.Second, "second": time.Second, "min": time.Minute, "minute": time.Minute, "hour": time.Hour}
	return t.Add(time.Duration(n) * unitOf[unit])
}
