package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// Devices are the rules by which the processes of a control group may make and open device nodes,
// taken from one group to be put in force for another. Its owner closes it.
type Devices struct {
	rules    []string               // version 1: the lines of devices.list
	group    string                 // version 1: the group itself, where its list does not tell all
	programs []*linux.DeviceProgram // version 2, also beside version 1
}

// devicesRoot is where version 1's devices controller is, hybridRoot where version 2 is beside
// version 1 (systemd's "hybrid" set-up).
var (
	devicesRoot = filepath.Join(mount, devicesController)
	hybridRoot  = filepath.Join(mount, "unified")
)

const (
	devicesController = "devices"
	devicesList       = "devices.list"
	allowAll          = "a *:* rwm"
)

// Why a session's devices can not be restrained as its container's are.
var (
	errNoDevices = errors.New("the devices controller is not mounted at " + devicesRoot)
	errOutside   = errors.New("it is outside of the control groups that dlx can see, which is in a cgroup namespace of its own")
)

// DevicesOf reads the rules that hold for a process from what its /proc/PID/cgroup says
// (cgroups(7)).
func DevicesOf(membership []byte) (d *Devices, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("find out which devices the container may open: %w", errors.Join(err, d.Close()))
			d = nil
		}
	}()
	d = &Devices{}
	paths := memberships(membership)
	if unified() {
		return d, d.readPrograms(mount, paths[""])
	}
	if !linux.HasMagic(devicesRoot, linux.MagicCgroup) {
		return d, errNoDevices
	}
	if err := d.readRules(paths[devicesController]); err != nil {
		return d, err
	}
	if !linux.HasMagic(hybridRoot, linux.MagicCgroup2) {
		return d, nil
	}
	return d, d.readPrograms(hybridRoot, paths[""])
}

// memberships are a process's groups by controller; version 2's is "". A group's name can have
// colons.
func memberships(membership []byte) map[string]string {
	paths := map[string]string{}
	for line := range strings.Lines(string(membership)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) < 3 {
			continue
		}
		for controller := range strings.SplitSeq(fields[1], ",") {
			paths[controller] = fields[2]
		}
	}
	return paths
}

// below is a group's directory. A path that leads out of the namespace's root begins with "/.."
// (cgroup_namespaces(7)).
func below(root, path string) (string, error) {
	if !filepath.IsAbs(path) || slices.Contains(strings.Split(path, "/"), "..") {
		return "", errOutside
	}
	return filepath.Join(root, path), nil
}

// readRules reads version 1's list. One that allows everything does not show what is forbidden all
// the same (security/device_cgroup.c, devcgroup_seq_show): such a group is joined.
func (d *Devices) readRules(path string) error {
	dir, err := below(devicesRoot, path)
	if err != nil {
		return err
	}
	list, err := os.ReadFile(filepath.Join(dir, devicesList))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		d.rules = append(d.rules, strings.TrimSpace(line))
	}
	if slices.Contains(d.rules, allowAll) {
		d.rules, d.group = nil, dir
	}
	return nil
}

// readPrograms opens version 2's programs.
func (d *Devices) readPrograms(root, path string) error {
	name, err := below(root, path)
	if err != nil {
		return err
	}
	dir, err := linux.OpenRead(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	d.programs, err = linux.DevicePrograms(dir)
	return err
}

// Allow adds devices that the group these rules are taken from may not open.
func (d *Devices) Allow(devices []linux.Device) error {
	if len(devices) == 0 {
		return nil
	}
	for _, device := range devices {
		d.rules = append(d.rules, device.Rule())
	}
	for i, p := range d.programs {
		allowing, err := p.Allowing(devices)
		if err != nil {
			return fmt.Errorf("allow a device: %w", err)
		}
		d.programs[i] = allowing
		if err := p.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the rules; where they are in force they stay so.
func (d *Devices) Close() error {
	if d == nil {
		return nil
	}
	return linux.CloseDevicePrograms(d.programs)
}

// String says by what the devices are restrained.
func (d *Devices) String() string {
	switch {
	case d.group != "", unified() && len(d.programs) == 0:
		return "all, as the container"
	}
	return "the container's"
}

// roots are the hierarchies that a group with these rules has a directory in, besides those of its
// limits.
func (d *Devices) roots() (list []string) {
	if d.group == "" && !unified() {
		list = append(list, devicesRoot)
	}
	if len(d.programs) > 0 && !unified() {
		list = append(list, hybridRoot)
	}
	return list
}

// apply puts the rules in force for the group of a name.
func (d *Devices) apply(name string) error {
	if d.group == "" && !unified() {
		if err := d.writeRules(filepath.Join(devicesRoot, name)); err != nil {
			return err
		}
	}
	if len(d.programs) == 0 {
		return nil
	}
	root := hybridRoot
	if unified() {
		root = mount
	}
	dir, err := linux.OpenRead(filepath.Join(root, name))
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, p := range d.programs {
		if err := p.Attach(dir); err != nil {
			return err
		}
	}
	return nil
}

// writeRules forbids everything and then allows what the list says (the kernel's
// cgroup-v1/devices.rst).
func (d *Devices) writeRules(dir string) error {
	if err := writeControl(filepath.Join(dir, "devices.deny"), "a"); err != nil {
		return err
	}
	failpoint.At("devices.denied")
	for _, rule := range d.rules {
		if err := writeControl(filepath.Join(dir, "devices.allow"), rule); err != nil {
			return fmt.Errorf("allow devices %q: %w", rule, err)
		}
	}
	failpoint.At("devices.allowed")
	return nil
}
