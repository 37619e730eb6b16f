package linux

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ProcessStat is a part of what proc_pid_stat(5) tells of a process.
type ProcessStat struct {
	Ended  bool // it is a zombie, or nearly gone
	Parent int
	Start  uint64 // in clock ticks since boot
}

// StatProcess reads it. A process that is gone is os.ErrNotExist or ErrNoProcess.
func StatProcess(pid int) (s ProcessStat, err error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return s, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:])) // from the third on: a name can have any bytes
	if len(fields) < 20 {
		return s, fmt.Errorf("parse stat of process %d: %d fields", pid, len(fields))
	}
	s.Ended = fields[0] == "Z" || fields[0] == "X"
	if s.Parent, err = strconv.Atoi(fields[1]); err == nil {
		s.Start, err = strconv.ParseUint(fields[19], 10, 64)
	}
	if err != nil {
		return s, fmt.Errorf("parse stat of process %d: %w", pid, err)
	}
	return s, nil
}

// Parent is the parent of a process, 0 if that is gone.
func Parent(pid int) int {
	s, err := StatProcess(pid)
	if err != nil {
		return 0
	}
	return s.Parent
}
