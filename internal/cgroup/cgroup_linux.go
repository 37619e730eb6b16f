// Package cgroup makes the control group of a session, with its limits. It ends what is in the
// group and removes it (cgroups(7); the kernel's cgroup-v1/ and cgroup-v2.rst).
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// Prefix begins the names of sessions' groups.
const Prefix = "dlx-"

const mount = "/sys/fs/cgroup"

// Group is a session's control group: one directory in version 2, one a controller in version 1.
type Group struct {
	dirs []string
	join string // the container's own group of version 1's devices controller, where that is joined

	mounts *mountNS // by which it is known where it is no control group

	stuck bool // a process of it did not end when it was killed
}

// controllers are those that limit a session: in version 1 each a hierarchy of its own, in version
// 2 those of one.
var controllers = []string{"memory", "pids"}

// unified says whether the host has cgroup version 2 alone: what systemd calls hybrid counts as
// version 1, since the controllers are there (cgroups(7)).
func unified() bool { return linux.HasMagic(mount, linux.MagicCgroup2) }

// Mode names the version in use, or says what is missing.
func Mode() (string, error) {
	if unified() {
		return "version 2", nil
	}
	if len(limitRoots()) == 0 {
		return "version 1", errNoController
	}
	if !linux.HasMagic(devicesRoot, linux.MagicCgroup) {
		return "version 1", errNoDevices
	}
	return "version 1", nil
}

var errNoController = errors.New("neither the memory nor the pids controller is mounted at " + mount)

// Limits are what the processes of a group may use.
type Limits struct {
	Memory int64 // bytes
	Pids   int64 // processes and threads
}

// New makes a group with limits, whose processes may open the devices that the rules allow.
func New(name string, limits Limits, devices *Devices) (*Group, error) {
	if err := makeGroup(name, limits, devices); err != nil {
		return nil, fmt.Errorf("make the session's cgroup %s: %w", name, errors.Join(err, Find(name).remove()))
	}
	c := Find(name)
	c.join = devices.group
	return c, nil
}

func makeGroup(name string, limits Limits, devices *Devices) error {
	roots := limitRoots()
	if len(roots) == 0 {
		return errNoController
	}
	files := map[string]int64{"memory/NAME/memory.limit_in_bytes": limits.Memory, "pids/NAME/pids.max": limits.Pids}
	if unified() {
		files = map[string]int64{"NAME/memory.max": limits.Memory, "NAME/pids.max": limits.Pids}
		if err := enableControllers(); err != nil {
			return err
		}
	}
	for _, root := range append(devices.roots(), roots...) {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
		failpoint.At("cgroup.made")
	}
	for file, limit := range files {
		file = filepath.Join(mount, strings.Replace(file, "NAME", name, 1))
		if !slices.Contains(roots, filepath.Dir(filepath.Dir(file))) {
			continue // version 1 without this controller
		}
		if err := writeControl(file, strconv.FormatInt(limit, 10)); err != nil {
			return err
		}
		failpoint.At("cgroup.limited")
	}
	return devices.apply(name)
}

// enableControllers gives the children of version 2's root the controllers (the kernel's
// cgroup-v2.rst, "Enabling and Disabling"). Most hosts have them on: then it writes nothing.
func enableControllers() error {
	name := filepath.Join(mount, "cgroup.subtree_control")
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

// writeControl writes to a file of the kernel's, which takes a value in one write and can not be
// made or cut short.
func writeControl(name, value string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// Roots are the directories in which a session's group may be: those of version 1's mounted
// controllers and of devices, and of version 2 beside them.
func Roots() []string {
	roots := limitRoots()
	if unified() {
		return roots
	}
	if linux.HasMagic(devicesRoot, linux.MagicCgroup) {
		roots = append(roots, devicesRoot)
	}
	if linux.HasMagic(hybridRoot, linux.MagicCgroup2) {
		roots = append(roots, hybridRoot)
	}
	return roots
}

// limitRoots are those of them by which a session's use is limited.
func limitRoots() []string {
	if unified() {
		return []string{mount}
	}
	var roots []string
	for _, c := range controllers {
		if root := filepath.Join(mount, c); linux.HasMagic(root, linux.MagicCgroup) {
			roots = append(roots, root)
		}
	}
	return roots
}

// Find finds what there is of a control group by name.
func Find(name string) *Group {
	c := &Group{}
	for _, dir := range Roots() {
		dir = filepath.Join(dir, name)
		if _, err := os.Stat(dir); err == nil {
			c.dirs = append(c.dirs, dir)
		}
	}
	return c
}

// Entries opens what a child joins the group by: the tasks files of version 1, the directory of
// version 2, or both.
func (c *Group) Entries() (tasks []*linux.FD, dir *linux.FD, err error) {
	names := c.dirs
	if c.join != "" {
		names = append(slices.Clip(names), c.join)
	}
	for _, name := range names {
		var fd *linux.FD
		if linux.HasMagic(name, linux.MagicCgroup2) {
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
func (c *Group) pids() ([]int, error) {
	if c.mounts != nil {
		return c.mounts.pids()
	}
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

// OutOfMemory says whether the kernel has killed a process of the group for its limit.
// oom_kill says so: in memory.oom_control of version 1, in memory.events of version 2
// (the kernel's cgroup-v1/memory.rst, cgroup-v2.rst).
func (c *Group) OutOfMemory() bool {
	for _, dir := range c.dirs {
		for _, name := range []string{"memory.oom_control", "memory.events"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				continue // another controller's, or another version
			}
			for line := range strings.Lines(string(data)) {
				if n, ok := strings.CutPrefix(line, "oom_kill "); ok && strings.TrimSpace(n) != "0" {
					return true
				}
			}
		}
	}
	return false
}

// remove removes the group, which must be empty. One that is not there is fine.
func (c *Group) remove() error {
	var errs []error
	for _, dir := range c.dirs {
		if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
		failpoint.At("cgroup.removed")
	}
	return errors.Join(errs...)
}
