package inject

import (
	"context"
	"errors"
	"fmt"

	"dlx/internal/linux"
	"dlx/toolbox"
)

// Mounted is a toolbox in a tmpfs that is attached nowhere yet. Closing it frees it, unless a View
// shows it.
type Mounted struct {
	root *linux.FD // holds the directories "tools" and "none"
}

// The tmpfs holds the tools in one directory and nothing in another. Only an overlay without an
// upper layer can not be remounted writable, and it wants two lower ones.
const (
	toolsDir = "tools"
	emptyDir = "none"
)

// Mount verifies a toolbox while copying it into a tmpfs of its own, whose superblock it makes
// read-only.
func Mount(ctx context.Context, box *toolbox.Verified) (m *Mounted, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("place the toolbox in memory: %w", errors.Join(err, m.Close()))
			m = nil
		}
	}()
	m = &Mounted{}
	const attrs = linux.MountNosuid | linux.MountNodev
	// Huge pages make copying cheaper. A kernel without them refuses the option.
	m.root, err = linux.NewMount("tmpfs", attrs, "mode", "755", "huge", "within_size")
	if errors.Is(err, linux.ErrInvalid) {
		m.root, err = linux.NewMount("tmpfs", attrs, "mode", "755")
	}
	if err != nil {
		return m, err
	}
	return m, m.fill(ctx, box)
}

func (m *Mounted) fill(ctx context.Context, box *toolbox.Verified) error {
	for _, name := range []string{toolsDir, emptyDir} {
		if err := linux.MkdirAt(m.root, name, 0o755); err != nil {
			return err
		}
	}
	tools, err := linux.OpenDirAt(m.root, toolsDir)
	if err != nil {
		return err
	}
	defer tools.Close()
	if err := box.Place(ctx, tools); err != nil {
		return err
	}
	return linux.MakeReadOnly(m.root)
}

// attach shows the tools at name below dir, a directory of the thread's own mount namespace. The
// paths that overlayfs reads are relative to a held descriptor: nobody can swap them.
func (m *Mounted) attach(dir *linux.FD, name string) error {
	if err := linux.MoveMount(m.root, dir, name); err != nil {
		return err
	}
	overlay, err := linux.Fsopen("overlay")
	if errors.Is(err, linux.ErrNoDevice) {
		return m.attachTools(dir, name)
	}
	if err != nil {
		return err
	}
	defer overlay.Close()
	if err := linux.Fchdir(m.root); err != nil {
		return err
	}
	if err := overlay.SetString("lowerdir", toolsDir+":"+emptyDir); err != nil {
		return err
	}
	if err := overlay.Create(); err != nil {
		return err
	}
	tools, err := overlay.Mount(linux.MountNosuid | linux.MountNodev | linux.MountRdonly)
	if err != nil {
		return err
	}
	defer tools.Close()
	if err := linux.DetachCwd(); err != nil {
		return err
	}
	return linux.MoveMount(tools, dir, name)
}

// attachTools is for kernels without overlayfs: the read-only tmpfs itself, its tools directory on
// top.
func (m *Mounted) attachTools(dir *linux.FD, name string) error {
	tools, err := linux.CloneTree(m.root, toolsDir, false)
	if err != nil {
		return err
	}
	defer tools.Close()
	return linux.MoveMount(tools, dir, name)
}

// Close releases the toolbox.
func (m *Mounted) Close() error {
	if m == nil {
		return nil
	}
	return m.root.Close()
}
