package inject

import (
	"errors"
	"fmt"

	"dlx/internal/linux"
)

// In a user namespace nobody can make device nodes (mknod(2), EPERM), and no control group says
// which of them may be opened. A view there has clones of the machine's usual ones, and no other
// node can be opened in it.

// errNoNodev reports a kernel that can not close other nodes.
var errNoNodev = errors.New("a session without root needs Linux 5.12 or newer, to keep device nodes from being opened")

// cloneUsual clones the usual nodes of the calling thread's own /dev, in the order of devices. What
// it has cloned is returned with an error too.
func cloneUsual() (nodes []*linux.FD, err error) {
	dev, err := linux.OpenPath("/dev")
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	for _, d := range devices {
		node, err := linux.CloneTree(dev, d.name, false)
		if err != nil {
			return nodes, fmt.Errorf("clone /dev/%s: %w", d.name, err)
		}
		nodes = append(nodes, node)
		if is, err := linux.IsDevice(node, linux.Device{Major: d.major, Minor: d.minor}); err != nil || !is {
			return nodes, errors.Join(fmt.Errorf("/dev/%s of this machine is another device", d.name), err)
		}
	}
	return nodes, nil
}

// placeUsual shows the clones in dev, where made says that there are files to show them at.
func (v *View) placeUsual(dev *linux.FD, made bool) error {
	for i, d := range devices {
		if !made {
			if err := linux.MkfileAt(dev, d.name, 0o666); err != nil {
				return err
			}
		}
		if err := linux.MoveMount(v.usual[i], dev, d.name); err != nil {
			return err
		}
	}
	return nil
}
