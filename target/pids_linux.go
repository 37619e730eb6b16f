package target

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// PIDs finds the first processes of containers by their cgroups, which the host's kernel tells: one walk over /proc
// instead of a question to the engine for each. A container that is not found is left out. It is for lists: whoever
// joins a container asks the engine (Open).
func PIDs(ids []string) map[string]int {
	wanted := make(map[string]*firstProcess, len(ids))
	for _, id := range ids {
		wanted[id] = &firstProcess{}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if id := containerOf(e.Name(), wanted); id != "" {
				wanted[id].consider(pid)
			}
		}
	}
	pids := make(map[string]int, len(ids))
	for id, first := range wanted {
		if first.pid != 0 {
			pids[id] = first.pid
		}
	}
	return pids
}

// containerOf returns the container in whose cgroup a process is, by the names that runtimes give cgroups: the ID, or
// docker-ID.scope.
func containerOf(pid string, wanted map[string]*firstProcess) string {
	data, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(data) {
		for part := range strings.SplitSeq(strings.TrimSpace(string(line)), "/") {
			part = strings.TrimSuffix(strings.TrimPrefix(part, "docker-"), ".scope")
			if wanted[part] != nil {
				return part
			}
		}
	}
	return ""
}

// firstProcess is the process of a group that started first: what a container's first process starts, or what is
// executed in it later, comes after it.
type firstProcess struct {
	pid   int
	start uint64
}

func (f *firstProcess) consider(pid int) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err == nil && (f.pid == 0 || start < f.start || start == f.start && pid < f.pid) {
		f.pid, f.start = pid, start
	}
}
