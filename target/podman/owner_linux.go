package podman

import (
	"errors"
	"fmt"

	"dlx/internal/linux"
	"dlx/target"
)

// owns says whether a process may be in a container of the Podman's user. One of another user than
// root is in a user namespace that the user has made: without that, a Podman could lead root to any
// process. A number that no process has is nobody's.
func (r *Runtime) owns(pid int) bool {
	if r.options.Owner == 0 || pid == 0 {
		return true
	}
	owner, err := namespaceOwner(pid)
	return errors.Is(err, linux.ErrNotExist) || err == nil && owner == r.options.Owner
}

func namespaceOwner(pid int) (uid int, err error) {
	ns, err := linux.OpenRead(fmt.Sprintf("/proc/%d/ns/user", pid))
	if err != nil {
		return 0, err
	}
	uid, err = linux.NamespaceOwner(ns)
	return uid, errors.Join(err, ns.Close())
}

func notTheirs(c *target.Info) error {
	return fmt.Errorf("container %q is said to be process %d, which is not in a user namespace of user %d", c.Name, c.PID, c.Owner)
}
