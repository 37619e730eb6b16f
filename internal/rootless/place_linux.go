package rootless

import (
	"errors"
	"fmt"
	"os"

	"dlx/internal/linux"
)

// ErrNotOurs reports a process that is in no user namespace of the user's.
var ErrNotOurs = errors.New("it is in no user namespace of this user's")

// Inside says whether this process is root in a user namespace only, and not on the machine.
func Inside() bool { return os.Geteuid() == 0 && !linux.InitialUserNS() }

// Place is a user namespace that a user's containers are in, or that theirs are in. Its owner
// closes it.
type Place struct {
	user  *linux.FD
	mount *linux.FD // a mount namespace of it, with what is mounted for the containers; may be nil
}

// Close releases it.
func (p *Place) Close() error {
	if p == nil {
		return nil
	}
	return linux.CloseAll(p.user, p.mount)
}

// Find finds the place of a process. It is the outermost of the user namespaces that the process is
// in, below this process's own. If it is not the user's, it is ErrNotOurs.
func Find(pid int) (p *Place, err error) {
	p = &Place{}
	defer func() {
		if err != nil {
			err = fmt.Errorf("find the user namespace of process %d: %w", pid, errors.Join(err, p.Close()))
			p = nil
		}
	}()
	own, err := linux.OpenRead("/proc/self/ns/user")
	if err != nil {
		return p, err
	}
	defer own.Close()
	if p.user, err = linux.OpenRead(fmt.Sprintf("/proc/%d/ns/user", pid)); err != nil {
		return p, err
	}
	if same, err := sameFile(p.user, own); err != nil || same {
		return p, errors.Join(ErrNotOurs, err)
	}
	for {
		parent, err := linux.ParentUserNS(p.user)
		if err != nil {
			return p, fmt.Errorf("%w: %w", ErrNotOurs, err)
		}
		same, err := sameFile(parent, own)
		if err != nil || same {
			if err = errors.Join(err, parent.Close()); err != nil {
				return p, err
			}
			break
		}
		if err := p.user.Close(); err != nil {
			return p, errors.Join(err, parent.Close())
		}
		p.user = parent
	}
	uid, err := linux.NamespaceOwner(p.user)
	if err == nil && uid != os.Geteuid() {
		err = ErrNotOurs
	}
	return p, err
}

// Share takes over the mount namespace of a process, if it belongs to the place: that of the
// runtime's own processes, which mount the containers' files there.
func (p *Place) Share(pid int) (shared bool, err error) {
	mount, err := linux.OpenRead(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return false, err
	}
	of, err := linux.UserNSOf(mount)
	if err != nil { // it belongs to one that this process is not above of
		return false, errors.Join(err, mount.Close())
	}
	same, err := sameFile(of, p.user)
	if err = errors.Join(err, of.Close()); err != nil || !same || p.mount != nil {
		return false, errors.Join(err, mount.Close())
	}
	p.mount = mount
	return true, nil
}

func sameFile(a, b *linux.FD) (bool, error) {
	left, err := linux.Fstat(a)
	if err != nil {
		return false, err
	}
	right, err := linux.Fstat(b)
	return left.Dev == right.Dev && left.Ino == right.Ino, err
}
