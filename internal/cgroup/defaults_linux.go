package cgroup

import "dlx/internal/linux"

// defaults are the devices that every container may open, and that it may make nodes of others
// (runc, libcontainer/specconv/spec_linux.go, AllowedDevices, without the tun device of old ones).
var defaults = []linux.Device{
	{Major: linux.AnyNumber, Minor: linux.AnyNumber, Access: "m"},
	{Block: true, Major: linux.AnyNumber, Minor: linux.AnyNumber, Access: "m"},
	{Major: 1, Minor: 3, Access: "rwm"}, {Major: 1, Minor: 5, Access: "rwm"}, {Major: 1, Minor: 7, Access: "rwm"},
	{Major: 1, Minor: 8, Access: "rwm"}, {Major: 1, Minor: 9, Access: "rwm"},
	{Major: 5, Minor: 0, Access: "rwm"}, {Major: 5, Minor: 2, Access: "rwm"}, {Major: 136, Minor: linux.AnyNumber, Access: "rwm"},
}

// DefaultDevices are the rules of a container that was given no device. Its owner closes them.
func DefaultDevices() (*Devices, error) {
	d := &Devices{}
	if unified() {
		program, err := linux.AllowOnly(defaults)
		if err != nil {
			return nil, err
		}
		d.programs = []*linux.DeviceProgram{program}
		return d, nil
	}
	if !linux.HasMagic(devicesRoot, linux.MagicCgroup) {
		return nil, errNoDevices
	}
	for _, device := range defaults {
		d.rules = append(d.rules, device.Rule())
	}
	return d, nil
}
