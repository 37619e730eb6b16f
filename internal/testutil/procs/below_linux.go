// Package procs is what test programs in containers ask /proc.
package procs

import (
	"strconv"

	"dlx/internal/linux"
)

// depth bounds the walk up to the first process.
const depth = 16

// Below says whether a process is a child of top, or one of its children's; both are PIDs.
func Below(pid, top string) bool {
	at, err := strconv.Atoi(pid)
	for range depth {
		if err != nil || at == 0 {
			return false
		}
		if at = linux.Parent(at); strconv.Itoa(at) == top {
			return true
		}
	}
	return false
}
