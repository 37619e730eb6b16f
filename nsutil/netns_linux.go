package nsutil

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/vishvananda/netns"

	"dlx/internal/linux"
)

// NetNS is a network namespace, held. Its owner closes it.
type NetNS struct {
	fd *linux.FD
	id ID
}

// ErrNotNetNS reports a file that is no network namespace.
var ErrNotNetNS = errors.New("not a network namespace")

// FindNetNS opens a network namespace by its name below a directory. Links lead nowhere else than
// below that, and none to a process's namespace is followed: its number may be another's by then.
// What else is there is not opened: a FIFO or a device could do anything then. It ends with ctx.
func FindNetNS(ctx context.Context, dir *linux.FD, name string) (*NetNS, error) {
	found, err := linux.FindInRoot(ctx, dir, name)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	if found.Magic != linux.MagicNamespace {
		return nil, ErrNotNetNS
	}
	handle, err := netns.GetFromPath("/proc/self/fd/" + strconv.Itoa(found.Int()))
	if err != nil {
		return nil, fmt.Errorf("open the namespace: %w", err)
	}
	return TakeNetNS(handle)
}

// TakeNetNS takes a handle over from its owner; another kind of namespace is ErrNotNetNS.
func TakeNetNS(handle netns.NsHandle) (n *NetNS, err error) {
	n = &NetNS{fd: linux.NewFD(int(handle))}
	defer func() {
		if err != nil {
			err, n = errors.Join(err, n.Close()), nil
		}
	}()
	kind, err := linux.NamespaceType(n.fd)
	if err != nil {
		return n, err
	}
	if kind != linux.NewNet {
		return n, ErrNotNetNS
	}
	st, err := linux.Fstat(n.fd)
	n.id = ID{st.Dev, st.Ino}
	return n, err
}

// ID names the namespace.
func (n *NetNS) ID() ID { return n.id }

// Join plans that a child joins the namespace.
func (n *NetNS) Join(plan *linux.Plan) { plan.Setns(Net.String(), n.fd, linux.NewNet) }

// Close releases the namespace, which goes away if nothing else holds it.
func (n *NetNS) Close() error {
	if n == nil {
		return nil
	}
	return n.fd.Close()
}
