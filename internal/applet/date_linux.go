package applet

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// runDate gives busybox's date what -d of date(1) has and it has not: "1 hour ago", "yesterday", "2026-11-24T10:00:00Z".
func runDate(args []string) error {
	changed := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		a := args[i]
		value, given := strings.CutPrefix(a, "--date=")
		if !given && (a == "-d" || a == "--date") && i+1 < len(args) {
			i++
			value, given = args[i], true
		}
		if !given {
			changed = append(changed, a)
			continue
		}
		if t, ok := relativeDate(value, time.Now()); ok {
			value = "@" + strconv.FormatInt(t.Unix(), 10)
		}
		changed = append(changed, "-d", value)
	}
	err := becomeBusybox("date", changed)
	if !errors.Is(err, errNoBusybox) {
		return err
	}
	now := time.Now()
	if len(args) > 0 && args[0] == "-u" {
		now = now.UTC()
	}
	fmt.Println(now.Format(time.UnixDate))
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
