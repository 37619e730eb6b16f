package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"dlx/internal/linux"
)

// InMounts is the group of a session that may have no control group: the processes in its mount
// namespace, which is the session's alone. It has no limits. A process that makes another mount
// namespace of its own leaves the group.
func InMounts(ns *linux.FD) (*Group, error) {
	id, err := linux.Fstat(ns)
	if err != nil {
		return nil, err
	}
	return &Group{mounts: &mountNS{id.Dev, id.Ino}}, nil
}

// mountNS names a mount namespace.
type mountNS struct{ dev, ino uint64 }

// pids lists the processes that are in it. A process that may not be asked is not the session's.
func (m *mountNS) pids() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		info, err := os.Stat(filepath.Join("/proc", e.Name(), "ns/mnt"))
		if err != nil {
			continue
		}
		if st := info.Sys().(*syscall.Stat_t); (mountNS{st.Dev, st.Ino}) == *m {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
