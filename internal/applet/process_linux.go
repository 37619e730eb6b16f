package applet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dlx/internal/linux"
	"dlx/internal/printable"
)

// process is one of /proc, or a thread of one; names of the fields are those of proc_pid_stat(5).
type process struct {
	pid, tid, ppid, pgrp, session, ttyNr, tpgid int
	state, comm                                 string
	args                                        []string
	uid, gid, ruid                              uint32
	utime, stime, start                         uint64 // ticks
	priority, nice, threads, cpu                int
	vsize, rss                                  uint64 // bytes
	flags                                       uint64
	locked                                      bool
	dir                                         string
}

// ticksPerSecond is USER_HZ, which is 100 wherever Go runs on Linux.
const ticksPerSecond = 100

// processes lists all by PID; with threads each thread is one.
func processes(threads bool) ([]*process, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var list []*process
	for _, dir := range dirs {
		if !threads {
			if p := readProcess(dir, dir); p != nil {
				list = append(list, p)
			}
			continue
		}
		tasks, _ := filepath.Glob(dir + "/task/[0-9]*")
		for _, task := range tasks {
			if p := readProcess(dir, task); p != nil {
				list = append(list, p)
			}
		}
	}
	slices.SortFunc(list, func(a, b *process) int {
		if a.pid != b.pid {
			return a.pid - b.pid
		}
		return a.tid - b.tid
	})
	return list, nil
}

// readProcess reads a process, or nil if it has ended.
func readProcess(dir, task string) *process {
	data, err := os.ReadFile(task + "/stat")
	if err != nil {
		return nil
	}
	s, err := linux.ParseStat(data)
	if err != nil {
		return nil
	}
	p := &process{
		dir: dir, comm: s.Comm, state: s.State, ppid: s.Parent(), pgrp: s.Int(5), session: s.Int(6), ttyNr: s.Int(7), tpgid: s.Int(8),
		flags: s.Uint(9), utime: s.Uint(14), stime: s.Uint(15), priority: s.Int(18), nice: s.Int(19), threads: s.Int(20), start: s.Start(),
		vsize: s.Uint(23), rss: s.Uint(24) * uint64(os.Getpagesize()), cpu: s.Int(39), // a page has a size
	}
	p.pid, _ = strconv.Atoi(filepath.Base(dir))
	p.tid, _ = strconv.Atoi(filepath.Base(task))
	if line, err := os.ReadFile(dir + "/cmdline"); err == nil && len(line) > 0 {
		p.args = strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	}
	p.readStatus()
	return p
}

// readStatus takes the user and what else /proc/PID/stat does not have.
func (p *process) readStatus() {
	data, _ := os.ReadFile(p.dir + "/status")
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(line, ":")
		f := strings.Fields(rest)
		switch {
		case name == "Uid" && len(f) > 1:
			p.ruid, p.uid = uint32(number(f[0], 10)), uint32(number(f[1], 10)) // 32 bits
		case name == "Gid" && len(f) > 1:
			p.gid = uint32(number(f[1], 10)) // 32 bits
		case name == "VmLck" && len(f) > 0:
			p.locked = f[0] != "0"
		}
	}
}

// commandLine is the command with its arguments, else the name in brackets. A terminal may show it.
func (p *process) commandLine() string {
	if p.args == nil {
		text := "[" + printable.Escape(p.comm) + "]"
		if p.state == "Z" {
			text += " <defunct>"
		}
		return text
	}
	return printable.Escape(strings.Join(p.args, " "))
}

// stateText is ps's STAT: the state and its marks (PROCESS STATE CODES in ps(1)).
func (p *process) stateText() string {
	var s strings.Builder
	s.WriteString(p.state)
	switch {
	case p.nice < 0:
		s.WriteString("<")
	case p.nice > 0:
		s.WriteString("N")
	}
	for _, mark := range []struct {
		on   bool
		text string
	}{{p.locked, "L"}, {p.session == p.pid, "s"}, {p.threads > 1, "l"}, {p.tpgid == p.pgrp && p.ttyNr != 0, "+"}} {
		if mark.on {
			s.WriteString(mark.text)
		}
	}
	return s.String()
}

// tty is the name of the controlling terminal; the numbers are those of devices.txt of the kernel.
func (p *process) tty() string {
	major, minor := p.ttyNr>>8&0xfff, p.ttyNr&0xff|p.ttyNr>>12&0xfff00
	switch {
	case p.ttyNr == 0:
		return "?"
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", minor+(major-136)<<8)
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	case major == 5 && minor == 1:
		return "console"
	}
	return fmt.Sprintf("%d,%d", major, minor)
}

// system is what processes are measured against.
type system struct {
	uptime float64
	memory uint64
	now    time.Time
}

func readSystem() system {
	s := system{now: time.Now()}
	if data, err := os.ReadFile("/proc/uptime"); err == nil {
		s.uptime, _ = strconv.ParseFloat(strings.Fields(string(data) + " 0")[0], 64)
	}
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) == nil {
		s.memory = uint64(info.Totalram) * uint64(info.Unit) //nolint:unconvert // its size differs by architecture
	}
	return s
}

func (s system) started(p *process) time.Time {
	return s.now.Add(-time.Duration((s.uptime - float64(p.start)/ticksPerSecond) * float64(time.Second)))
}

func (s system) elapsed(p *process) float64 {
	return max(s.uptime-float64(p.start)/ticksPerSecond, 0)
}

func (s system) cpuPercent(p *process) float64 {
	if elapsed := s.elapsed(p); elapsed > 0 {
		return 100 * float64(p.utime+p.stime) / ticksPerSecond / elapsed
	}
	return 0
}

func (s system) memoryPercent(p *process) float64 {
	return 100 * float64(p.rss) / float64(max(s.memory, 1))
}

// accounts are the names of a file such as the container's /etc/passwd.
type accounts map[uint32]string

func readAccounts(file string) accounts {
	names := accounts{}
	data, _ := os.ReadFile(file)
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 3 {
			continue
		}
		if id, err := strconv.ParseUint(f[2], 10, 32); err == nil && names[uint32(id)] == "" {
			names[uint32(id)] = printable.Escape(f[0])
		}
	}
	return names
}

// name is the account's name, or its number if it has none.
func (a accounts) name(id uint32) string {
	if name := a[id]; name != "" {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// id is the number of an account given by name or number.
func (a accounts) id(text string) (uint32, bool) {
	for id, name := range a {
		if name == text {
			return id, true
		}
	}
	id, err := strconv.ParseUint(text, 10, 32)
	return uint32(id), err == nil
}
