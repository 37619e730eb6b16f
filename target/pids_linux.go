package target

import (
	"os"
	"strconv"
	"strings"

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

// containerOf returns the container in whose cgroup a process is.
func containerOf(pid string) string {
	data, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		return ""
	}
	return containerIn(data)
}

// scopes begin the names of systemd's scopes and of cgroups in which runtimes put containers.
var scopes = []string{"docker-", "libpod-", "cri-containerd-", "crio-"}

// containerIn finds a container in /proc/PID/cgroup, by the names that runtimes give cgroups: the
// ID, docker-ID.scope, libpod-ID and such.
func containerIn(membership []byte) string {
	for line := range strings.Lines(string(membership)) {
		for part := range strings.SplitSeq(strings.TrimSpace(line), "/") {
			part = strings.TrimSuffix(part, ".scope")
			for _, scope := range scopes {
				part = strings.TrimPrefix(part, scope)
			}
			if IsRandomID(part) {
				return part
			}
		}
	}
	return ""
}

// within says whether /proc/PID/cgroup has a cgroup, or one below it, in any hierarchy. Who looks
// from a cgroup namespace sees others' relative to its own root: `/../..` stands for what both have
// in common (cgroup_namespaces(7)).
func within(membership []byte, cgroup string) bool {
	for line := range strings.Lines(string(membership)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // cgroups(7)
		if len(parts) < 3 {
			continue
		}
		path := parts[2]
		if path == cgroup || strings.HasPrefix(path, cgroup+"/") {
			return true
		}
		rest := path
		for strings.HasPrefix(rest, "/../") {
			rest = rest[len("/.."):]
		}
		if rest != path && strings.HasSuffix(cgroup, rest) {
			return true
		}
	}
	return false
}

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
