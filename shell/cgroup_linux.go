package shell

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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

// controllers are those that limit a session: in version 1 each a hierarchy of its own, in version 2 those of one.
var controllers = []string{"memory", "pids"}

// unified says whether the host has cgroup version 2 alone: what systemd calls hybrid counts as version 1, since the
// controllers are there (cgroups(7)).
func unified() bool { return linux.HasMagic(cgroupRoot, linux.MagicCgroup2) }

// CgroupMode names the version in use, or says what is missing.
func CgroupMode() (string, error) {
	if unified() {
		return "version 2", nil
	}
	if len(cgroupRoots()) == 0 {
		return "version 1", errNoController
	}
	return "version 1", nil
}

var errNoController = errors.New("neither the memory nor the pids controller is mounted at " + cgroupRoot)

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
	roots := cgroupRoots()
	if len(roots) == 0 {
		return errNoController
	}
	pids := limits.Pids + initproto.Threads
	files := map[string]int64{"memory/NAME/memory.limit_in_bytes": limits.Memory, "pids/NAME/pids.max": pids}
	if unified() {
		files = map[string]int64{"NAME/memory.max": limits.Memory, "NAME/pids.max": pids}
		if err := enableControllers(); err != nil {
			return err
		}
	}
	for _, root := range roots {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	for file, limit := range files {
		file = filepath.Join(cgroupRoot, strings.Replace(file, "NAME", name, 1))
		if !slices.Contains(roots, filepath.Dir(filepath.Dir(file))) {
			continue // version 1 without this controller
		}
		if err := writeControl(file, strconv.FormatInt(limit, 10)); err != nil {
			return err
		}
	}
	return nil
}

// enableControllers gives the children of version 2's root the controllers (the kernel's cgroup-v2.rst, "Enabling and
// Disabling"). Most hosts have them on, and then there is nothing to write.
func enableControllers() error {
	name := filepath.Join(cgroupRoot, "cgroup.subtree_control")
	on, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	for _, c := range controllers {
		if !slices.Contains(strings.Fields(string(on)), c) {
			if err := writeControl(name, "+"+c); err != nil {
				return fmt.Errorf("enable the %s controller: %w", c, err)
			}
		}
	}
	return nil
}

// writeControl writes to a file of the kernel's, which takes a value in one write and can not be made or cut short.
func writeControl(name, value string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// cgroupRoots are the directories that a session's group has one in: those of version 1's controllers that are mounted.
func cgroupRoots() []string {
	if unified() {
		return []string{cgroupRoot}
	}
	var roots []string
	for _, c := range controllers {
		if root := filepath.Join(cgroupRoot, c); linux.HasMagic(root, linux.MagicCgroup) {
			roots = append(roots, root)
		}
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
