package inject

import (
	"context"
	"errors"
	"fmt"

	"dlx/internal/linux"
	"dlx/nsutil"
	"dlx/toolbox"
)

// Shared is a toolbox that was placed once, and is shown to many sessions. It is the root of a
// mount namespace in which nobody is, since only an attached mount can be cloned before Linux 6.15
// (fs/namespace.c, do_open_tree). Each session's overlay is its own: what is watched, locked or
// marked there is nobody else's.
type Shared struct {
	ns   *linux.FD
	root *linux.FD
}

// ErrNotShared says that a kernel without overlayfs can not keep a session from changing a toolbox
// that others see.
var ErrNotShared = errors.New("a toolbox can not be shared without overlayfs")

// Share verifies a toolbox while placing it.
func Share(ctx context.Context, box *toolbox.Verified) (*Shared, error) {
	overlay, err := linux.Fsopen("overlay")
	if errors.Is(err, linux.ErrNoDevice) {
		return nil, ErrNotShared
	}
	if err != nil {
		return nil, err
	}
	if err := overlay.Close(); err != nil {
		return nil, err
	}
	m, err := Mount(ctx, box)
	if err != nil {
		return nil, err
	}
	s := &Shared{root: m.root}
	if err := nsutil.OnThread(s.attach); err != nil {
		return nil, fmt.Errorf("keep the toolbox in memory: %w", errors.Join(err, s.Close()))
	}
	return s, nil
}

// attach makes a mount namespace that has the toolbox alone. Of the host's mounts none stays in it:
// they could not be taken away any more.
func (s *Shared) attach() error {
	self, err := nsutil.OpenSelf()
	if err != nil {
		return err
	}
	defer self.Close()
	if err := errors.Join(linux.UnshareFS(), linux.UnshareMounts(), linux.MakePrivate()); err != nil {
		return err
	}
	top, err := linux.OpenPath("/")
	if err != nil {
		return err
	}
	defer top.Close()
	if err := linux.MoveMount(s.root, top, ""); err != nil {
		return err
	}
	if err := linux.Fchdir(s.root); err != nil {
		return err
	}
	if err := linux.Pivot(); err != nil {
		return err
	}
	s.ns, err = self.MountNamespace()
	return err
}

// Clone is the toolbox for one view more. It does not outlive the session: what is cloned lasts
// while somebody sees it, also after Close.
func (s *Shared) Clone() (*Mounted, error) {
	m := &Mounted{}
	err := nsutil.OnThread(func() (err error) {
		if err := s.join(); err != nil {
			return err
		}
		m.root, err = linux.CloneTree(s.root, "", false)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("show the toolbox once more: %w", err)
	}
	return m, nil
}

// join moves the calling thread, a throw-away one, to where the toolbox is.
func (s *Shared) join() error {
	return errors.Join(linux.UnshareFS(), linux.Setns(s.ns, linux.NewMnt))
}

// Close releases it.
func (s *Shared) Close() error {
	if s == nil {
		return nil
	}
	return errors.Join(linux.CloseAll(s.ns, s.root))
}
