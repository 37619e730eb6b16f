package linux

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ProcessStat is what proc_pid_stat(5) tells of a process or thread.
type ProcessStat struct {
	Comm   string
	State  string   // a letter
	fields []string // from the third on
}

// leastFields is where the fields end that every kernel since 2.6 has.
const leastFields = 39

// ParseStat reads the content of a stat file. The name is in parentheses, and can have any bytes,
// parentheses among them.
func ParseStat(data []byte) (s ProcessStat, err error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return s, fmt.Errorf("parse stat: no name in %.40q", data)
	}
	s.Comm, s.fields = string(data[open+1:end]), strings.Fields(string(data[end+1:]))
	if len(s.fields) < leastFields-2 {
		return s, fmt.Errorf("parse stat of %q: %d fields", s.Comm, len(s.fields)+2)
	}
	s.State = s.fields[0]
	return s, nil
}

// Int is a field by its number in proc_pid_stat(5), from 4 to 39.
func (s *ProcessStat) Int(field int) int {
	n, _ := strconv.Atoi(s.fields[field-3])
	return n
}

// Uint is Int for what has no sign.
func (s *ProcessStat) Uint(field int) uint64 {
	n, _ := strconv.ParseUint(s.fields[field-3], 10, 64)
	return n
}

// Ended says that it is a zombie, or nearly gone.
func (s *ProcessStat) Ended() bool { return s.State == "Z" || s.State == "X" }

// Parent is the parent's PID.
func (s *ProcessStat) Parent() int { return s.Int(4) }

// Start is when it started, in clock ticks since boot.
func (s *ProcessStat) Start() uint64 { return s.Uint(22) }

// Kernel says whether it is one of the kernel's own (PF_KTHREAD, linux/sched.h).
func (s *ProcessStat) Kernel() bool { return s.Uint(9)&0x00200000 != 0 }

// Forked says whether it has executed no program since it was forked (PF_FORKNOEXEC,
// linux/sched.h).
func (s *ProcessStat) Forked() bool { return s.Uint(9)&0x00000040 != 0 }

// StatProcess reads a process's. One that is gone is os.ErrNotExist or ErrNoProcess.
func StatProcess(pid int) (s ProcessStat, err error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return s, err
	}
	return ParseStat(data)
}

// Parent is the parent of a process, 0 if that is gone.
func Parent(pid int) int {
	s, err := StatProcess(pid)
	if err != nil {
		return 0
	}
	return s.Parent()
}
