package shell

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/opencontainers/runtime-spec/specs-go"

	"dlx/internal/initproto"
	"dlx/internal/linux"
)

// Limits bound what a session may use of the host.
type Limits struct {
	Memory int64 // bytes
	Pids   int64 // processes and threads
}

// DefaultLimits leave room for a debugger and little for a mistake.
var DefaultLimits = Limits{Memory: 1 << 30, Pids: 512}

const cgroupRoot = "/sys/fs/cgroup"

// cgroup is a session's control group: one directory in version 2, one a controller in version 1.
type cgroup struct {
	name   string
	dirs   []string
	memory int64 // the limit, where it is known
}

// v1Controllers are the hierarchies a session is put into under cgroup version 1.
var v1Controllers = []cgroup1.Name{cgroup1.Memory, cgroup1.Pids}

func unified() bool { return cgroups.Mode() == cgroups.Unified }

func v1Hierarchy() ([]cgroup1.Subsystem, error) {
	all, err := cgroup1.Default()
	if err != nil {
		return nil, err
	}
	var ours []cgroup1.Subsystem
	for _, s := range all {
		if slices.Contains(v1Controllers, s.Name()) {
			ours = append(ours, s)
		}
	}
	if len(ours) == 0 {
		return nil, errors.New("neither the memory nor the pids controller is mounted")
	}
	return ours, nil
}

// CgroupMode names the version in use, or says what is missing.
func CgroupMode() (string, error) {
	if unified() {
		return "version 2", nil
	}
	_, err := v1Hierarchy()
	return "version 1", err
}

// newCgroup makes the session's control group with its limits.
func newCgroup(name string, limits Limits) (*cgroup, error) {
	if err := makeCgroup(name, limits); err != nil {
		return nil, fmt.Errorf("make the session's cgroup %s: %w", name, errors.Join(err, findCgroup(name).remove()))
	}
	c := findCgroup(name)
	c.memory = limits.Memory
	return c, nil
}

// makeCgroup makes the group. dlx-init's threads are in it and do not count in what was asked for.
func makeCgroup(name string, limits Limits) error {
	pids := limits.Pids + initproto.Threads
	resources := &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &limits.Memory},
		Pids:   &specs.LinuxPids{Limit: &pids},
	}
	if unified() {
		_, err := cgroup2.NewManager(cgroupRoot, "/"+name, cgroup2.ToResources(resources))
		return err
	}
	_, err := cgroup1.New(cgroup1.StaticPath("/"+name), resources, cgroup1.WithHierarchy(v1Hierarchy))
	return err
}

// cgroupRoots are the directories that a session's group has one in.
func cgroupRoots() []string {
	if unified() {
		return []string{cgroupRoot}
	}
	var roots []string
	for _, n := range v1Controllers {
		roots = append(roots, filepath.Join(cgroupRoot, string(n)))
	}
	return roots
}

// findCgroup finds what there is of a control group by name.
func findCgroup(name string) *cgroup {
	c := &cgroup{name: name}
	for _, dir := range cgroupRoots() {
		dir = filepath.Join(dir, name)
		if _, err := os.Stat(dir); err == nil {
			c.dirs = append(c.dirs, dir)
		}
	}
	return c
}

// entries opens what a child joins the group by: the tasks files of version 1, or the directory of version 2.
func (c *cgroup) entries() (tasks []*linux.FD, dir *linux.FD, err error) {
	for _, name := range c.dirs {
		var fd *linux.FD
		if unified() {
			dir, err = linux.OpenPath(name)
		} else if fd, err = linux.OpenWrite(filepath.Join(name, "tasks")); err == nil {
			tasks = append(tasks, fd)
		}
		if err != nil {
			return nil, nil, errors.Join(err, linux.CloseAll(tasks...), dir.Close())
		}
	}
	return tasks, dir, nil
}

// pids lists the processes in the group, in the numbers of the host.
func (c *cgroup) pids() ([]int, error) {
	if len(c.dirs) == 0 {
		return nil, nil
	}
	data, err := os.ReadFile(filepath.Join(c.dirs[0], "cgroup.procs"))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, linux.ErrNoDevice) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the session's processes: %w", err)
	}
	var pids []int
	for field := range strings.FieldsSeq(string(data)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("list the session's processes: %w", err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// outOfMemory is a *MemoryError if the kernel has killed a process of the group for its limit: oom_kill in
// memory.oom_control of version 1 and in memory.events of version 2 (the kernel's cgroup-v1/memory.rst, cgroup-v2.rst).
func (c *cgroup) outOfMemory() error {
	for _, dir := range c.dirs {
		for _, name := range []string{"memory.oom_control", "memory.events"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				continue // another controller's, or another version
			}
			for line := range strings.Lines(string(data)) {
				if n, ok := strings.CutPrefix(line, "oom_kill "); ok && strings.TrimSpace(n) != "0" {
					return &MemoryError{c.memory}
				}
			}
		}
	}
	return nil
}

// remove removes the group, which must be empty. One that is not there is fine.
func (c *cgroup) remove() error {
	var errs []error
	for _, dir := range c.dirs {
		if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
