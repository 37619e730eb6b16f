// Package procs is what test programs in containers ask /proc.
package procs

import (
	"os"
	"strings"
)

// depth bounds the walk up to the first process.
const depth = 16

// Below says whether a process is a child of top, or one of its children's; both are PIDs.
func Below(pid, top string) bool {
	for range depth {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		_, rest, ok := strings.Cut(string(stat), ") ") // proc_pid_stat(5): state and parent follow the name
		fields := strings.Fields(rest)
		if err != nil || !ok || len(fields) < 2 {
			return false
		}
		if pid = fields[1]; pid == top {
			return true
		}
	}
	return false
}
