package target

import (
	"bytes"
	"os"
	"strconv"

	"dlx/internal/linux"
)

// PIDs finds the first processes of all containers by their cgroups, which the host's kernel tells,
// by container ID: one walk over /proc instead of a question to the runtime for each. It is for
// lists: whoever joins a container asks the runtime (Set.Open).
func PIDs() map[string]int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	first := map[string]*firstProcess{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if id := containerOf(e.Name()); id != "" {
			if first[id] == nil {
				first[id] = &firstProcess{}
			}
			first[id].consider(pid)
		}
	}
	pids := make(map[string]int, len(first))
	for id, f := range first {
		pids[id] = f.pid
	}
	return pids
}

// idLength is that of a container ID, in hexadecimal digits.
const idLength = 64

// containerOf returns the container in whose cgroup a process is.
func containerOf(pid string) string {
	data, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		return ""
	}
	return containerIn(data)
}

// containerIn finds a container in /proc/PID/cgroup, by the names that runtimes give cgroups: the
// ID, or docker-ID.scope.
func containerIn(membership []byte) string {
	for line := range bytes.Lines(membership) {
		for part := range bytes.SplitSeq(bytes.TrimSpace(line), []byte("/")) {
			part = bytes.TrimSuffix(bytes.TrimPrefix(part, []byte("docker-")), []byte(".scope"))
			if len(part) == idLength && !bytes.ContainsFunc(part, notHex) {
				return string(part)
			}
		}
	}
	return ""
}

func notHex(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }

// firstProcess is the process of a group that started first. What a container's first process
// starts, and what is executed in it later, comes after it.
type firstProcess struct {
	pid   int
	start uint64
}

func (f *firstProcess) consider(pid int) {
	stat, err := linux.StatProcess(pid)
	if err != nil {
		return
	}
	if start := stat.Start(); f.pid == 0 || start < f.start || start == f.start && pid < f.pid {
		f.pid, f.start = pid, start
	}
}
