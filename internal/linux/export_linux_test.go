package linux

// ForbidDevices is a program that allows no device.
func ForbidDevices() (*DeviceProgram, error) {
	return loadDeviceProgram([]insn{{code: bpfMove}, {code: bpfExit}})
}
