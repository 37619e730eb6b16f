package engine

import (
	"errors"
	"path/filepath"
	"strings"

	"dlx/fault"
	"dlx/inject"
	"dlx/internal/linux"
)

const devDir = "/dev/"

// findDevices looks up the host's devices that a request names.
func findDevices(specs []string) (list []inject.Device, err error) {
	for _, spec := range specs {
		d, err := findDevice(spec)
		if err != nil {
			return nil, fault.New(fault.BadDevice, spec, "device %q: %w", spec, err)
		}
		list = append(list, d)
	}
	return list, nil
}

// findDevice takes /dev/NAME[:ACCESS] apart.
func findDevice(spec string) (d inject.Device, err error) {
	name, access, given := strings.Cut(spec, ":")
	if !given {
		access = allAccess
	}
	if access == "" || strings.Trim(access, allAccess) != "" {
		return d, errAccess
	}
	name = filepath.Clean(name)
	below, ok := strings.CutPrefix(name, devDir)
	if !ok {
		return d, errNotBelow
	}
	if d.Device, err = linux.DeviceAt(name); err != nil {
		if errors.Is(err, linux.ErrNoDevice) {
			err = errNoDevice
		}
		return d, err
	}
	if !inject.CanShow(below) {
		return d, errOwnDevice
	}
	d.Name, d.Access = below, access
	return d, nil
}

// allAccess is reading, writing, and making nodes.
const allAccess = "rwm"

var (
	errAccess    = errors.New("what may be done with it is some of r, w and m")
	errNotBelow  = errors.New("it is not below " + devDir)
	errNoDevice  = errors.New("it is not a device")
	errOwnDevice = errors.New("every session has one of its own")
)
