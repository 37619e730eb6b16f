package applet

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"dlx/internal/printable"
)

// psColumn is a column of ps: its header, its least width, and whether it is aligned to the left.
type psColumn struct {
	name, header string
	width        int
	left         bool
	value        func(*psTable, *process) string
	order        func(*psTable, *process) float64 // nil: by the text
}

// psTable is what the values of the columns need.
type psTable struct {
	system
	users, groups accounts
	depth         map[int]string // what stands before the command in a forest
	clock         bool           // BSD: CPU time as 0:01
}

func text1(f func(*process) string) func(*psTable, *process) string {
	return func(_ *psTable, p *process) string { return f(p) }
}

func whole(f func(*process) int) func(*psTable, *process) string {
	return func(_ *psTable, p *process) string { return strconv.Itoa(f(p)) }
}

func amount(f func(*psTable, *process) float64) func(*psTable, *process) float64 { return f }

// psColumns has the names of STANDARD FORMAT SPECIFIERS in ps(1). psAliases has their other names.
func psColumns() []psColumn {
	tree := func(t *psTable, p *process, s string) string { return t.depth[p.pid] + s }
	args := func(t *psTable, p *process) string { return tree(t, p, p.commandLine()) }
	comm := func(t *psTable, p *process) string { return tree(t, p, printable.Escape(p.comm)) }
	cpuTime := func(p *process) float64 { return float64(p.utime + p.stime) }
	return []psColumn{
		{"pid", "PID", 5, false, whole(func(p *process) int { return p.pid }), amount(func(_ *psTable, p *process) float64 { return float64(p.pid) })},
		{"tid", "LWP", 5, false, whole(func(p *process) int { return p.tid }), nil},
		{"spid", "SPID", 5, false, whole(func(p *process) int { return p.tid }), nil},
		{"ppid", "PPID", 5, false, whole(func(p *process) int { return p.ppid }), amount(func(_ *psTable, p *process) float64 { return float64(p.ppid) })},
		{"pgid", "PGID", 5, false, whole(func(p *process) int { return p.pgrp }), nil},
		{"sid", "SID", 5, false, whole(func(p *process) int { return p.session }), nil},
		{"tpgid", "TPGID", 5, false, whole(func(p *process) int { return p.tpgid }), nil},
		{"user", "USER", 8, true, func(t *psTable, p *process) string { return t.users.name(p.uid) }, nil},
		{"uid", "UID", 5, false, whole(func(p *process) int { return int(p.uid) }), nil},
		{"ufname", "UID", 8, true, func(t *psTable, p *process) string { return t.users.name(p.uid) }, nil},
		{"ruser", "RUSER", 8, true, func(t *psTable, p *process) string { return t.users.name(p.ruid) }, nil},
		{"group", "GROUP", 8, true, func(t *psTable, p *process) string { return t.groups.name(p.gid) }, nil},
		{"gid", "GID", 5, false, whole(func(p *process) int { return int(p.gid) }), nil},
		{"%cpu", "%CPU", 4, false, func(t *psTable, p *process) string { return fmt.Sprintf("%.1f", t.cpuPercent(p)) }, func(t *psTable, p *process) float64 { return t.cpuPercent(p) }},
		{"c", "C", 2, false, func(t *psTable, p *process) string { return fmt.Sprintf("%.0f", min(t.cpuPercent(p), 99)) }, nil},
		{"%mem", "%MEM", 4, false, func(t *psTable, p *process) string { return fmt.Sprintf("%.1f", t.memoryPercent(p)) }, func(t *psTable, p *process) float64 { return t.memoryPercent(p) }},
		{"vsz", "VSZ", 6, false, whole(func(p *process) int { return int(p.vsize >> 10) }), amount(func(_ *psTable, p *process) float64 { return float64(p.vsize) })},
		{"rss", "RSS", 5, false, whole(func(p *process) int { return int(p.rss >> 10) }), amount(func(_ *psTable, p *process) float64 { return float64(p.rss) })},
		{"sz", "SZ", 5, false, whole(func(p *process) int { return int(p.vsize / uint64(os.Getpagesize())) }), nil}, // a page has a size
		{"tty", "TTY", 8, true, text1((*process).tty), nil},
		{"stat", "STAT", 4, true, text1((*process).stateText), nil},
		{"s", "S", 1, true, text1(func(p *process) string { return p.state }), nil},
		{"start", "START", 5, false, func(t *psTable, p *process) string { return startText(t.started(p), t.now) }, func(_ *psTable, p *process) float64 { return float64(p.start) }},
		{"stime", "STIME", 5, false, func(t *psTable, p *process) string { return startText(t.started(p), t.now) }, nil},
		{"lstart", "STARTED", 24, false, func(t *psTable, p *process) string { return t.started(p).Format(time.ANSIC) }, nil},
		{"time", "TIME", 8, false, func(t *psTable, p *process) string { return cpuText(cpuTime(p), t.clock) }, func(_ *psTable, p *process) float64 { return cpuTime(p) }},
		{"bsdtime", "TIME", 6, false, func(_ *psTable, p *process) string { return cpuText(cpuTime(p), true) }, nil},
		{"etime", "ELAPSED", 11, false, func(t *psTable, p *process) string { return elapsedText(int(t.elapsed(p))) }, func(t *psTable, p *process) float64 { return t.elapsed(p) }},
		{"etimes", "ELAPSED", 7, false, func(t *psTable, p *process) string { return fmt.Sprintf("%.0f", t.elapsed(p)) }, func(t *psTable, p *process) float64 { return t.elapsed(p) }},
		{"ni", "NI", 3, false, whole(func(p *process) int { return p.nice }), nil},
		{"pri", "PRI", 3, false, whole(func(p *process) int { return 39 - p.priority }), nil},
		{"nlwp", "NLWP", 4, false, whole(func(p *process) int { return p.threads }), amount(func(_ *psTable, p *process) float64 { return float64(p.threads) })},
		{"psr", "PSR", 3, false, whole(func(p *process) int { return p.cpu }), nil},
		{"f", "F", 1, false, text1(func(p *process) string { return fmt.Sprintf("%x", p.flags>>6&7) }), nil},
		{"addr", "ADDR", 4, false, text1(func(*process) string { return "-" }), nil},
		{"wchan", "WCHAN", 6, true, text1(waitChannel), nil},
		{"cgroup", "CGROUP", 27, true, text1(cgroupText), nil},
		{"comm", "COMMAND", 15, true, comm, nil},
		{"ucmd", "CMD", 15, true, comm, nil},
		{"args", "COMMAND", 27, true, args, nil},
		{"cmd", "CMD", 27, true, args, nil},
	}
}

var psAliases = map[string]string{
	"pcpu": "%cpu", "pmem": "%mem", "euser": "user", "uname": "user", "euid": "uid", "egroup": "group", "egid": "gid", "lwp": "tid",
	"tt": "tty", "tname": "tty", "state": "s", "start_time": "start", "bsdstart": "start", "cputime": "time", "command": "args", "ucomm": "comm",
	"nice": "ni", "thcount": "nlwp", "pgrp": "pgid", "sess": "sid", "session": "sid", "vsize": "vsz", "rssize": "rss", "rsz": "rss", "priority": "pri", "flags": "f",
}

func psColumnOf(name string) (psColumn, bool) {
	if alias := psAliases[name]; alias != "" {
		header := strings.ToUpper(name)
		for _, c := range psColumns() {
			if c.name == alias {
				if c.name == "tty" && name == "tt" || c.name == "user" {
					c.header = header
				}
				return c, true
			}
		}
	}
	for _, c := range psColumns() {
		if c.name == name {
			return c, true
		}
	}
	return psColumn{}, false
}

// startText is the time of a start of today, and the day of one before.
func startText(t, now time.Time) string {
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04")
	case t.Year() == now.Year():
		return t.Format("Jan02")
	}
	return t.Format("2006")
}

func cpuText(ticks float64, clock bool) string {
	n := int(ticks / ticksPerSecond)
	if clock {
		return fmt.Sprintf("%d:%02d", n/60, n%60)
	}
	if days := n / 86400; days > 0 {
		return fmt.Sprintf("%d-%02d:%02d:%02d", days, n/3600%24, n/60%60, n%60)
	}
	return fmt.Sprintf("%02d:%02d:%02d", n/3600, n/60%60, n%60)
}

func elapsedText(n int) string {
	switch {
	case n >= 86400:
		return fmt.Sprintf("%d-%02d:%02d:%02d", n/86400, n/3600%24, n/60%60, n%60)
	case n >= 3600:
		return fmt.Sprintf("%02d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%02d:%02d", n/60, n%60)
}

func waitChannel(p *process) string {
	data, _ := os.ReadFile(p.dir + "/wchan")
	if name := strings.TrimSpace(string(data)); name != "" && name != "0" {
		return printable.Escape(name)
	}
	return "-"
}

func cgroupText(p *process) string {
	data, _ := os.ReadFile(p.dir + "/cgroup")
	return printable.Escape(strings.ReplaceAll(strings.TrimSpace(string(data)), "\n", ","))
}
