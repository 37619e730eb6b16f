package standin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dlx/inject"
	"dlx/internal/linux"
	"dlx/nsutil"
	"dlx/target"
)

// root is a mount namespace with nothing of the host's in it, and its root directory.
type root struct {
	ns, dir *linux.FD
	mounts  []byte // its mount table
}

func (r *root) close() error { return linux.CloseAll(r.ns, r.dir) }

// rootLimit bounds the making of a root: its layers may be on a file system that does not answer.
const rootLimit = 10 * time.Second

// UpperSize bounds what is written on top of the files. It is memory, which the session's limit
// counts as well.
const UpperSize = "512m"

// makeRoot mounts the layers. The paths are the runtime's; each is walked once.
func makeRoot(ctx context.Context, still *target.Still, uid, gid int) (*root, error) {
	type result struct {
		root *root
		err  error
	}
	ctx, cancel := context.WithTimeoutCause(ctx, rootLimit, inject.ErrNoAnswer)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		r := &root{}
		err := nsutil.OnThread(func() error { return r.make(still.Dirs, uid, gid) })
		if err != nil {
			err = fmt.Errorf("mount its files: %w", errors.Join(err, r.close()))
		}
		done <- result{r, err}
	}()
	select {
	case r := <-done:
		return r.root, r.err
	case <-ctx.Done():
		go func() { // a thread that is only late
			r := <-done
			_ = r.root.close()
		}()
		return nil, fmt.Errorf("mount its files: %w", context.Cause(ctx))
	}
}

// Folders of the tmpfs that the root is made in.
const (
	upperDir = "upper"
	workDir  = "work"
	rootDir  = "root"
)

// own are directories that are mount points of dlx's own, whatever the layers have by these names.
var own = []string{"proc", "sys", "dev"}

func (r *root) make(dirs []string, uid, gid int) error {
	self, err := nsutil.OpenSelf()
	if err != nil {
		return err
	}
	defer self.Close()
	if err := errors.Join(linux.UnshareFS(), linux.UnshareMounts(), linux.MakePrivate()); err != nil {
		return err
	}
	// overlayfs takes directories of the very mount namespace alone (fs/namespace.c,
	// clone_private_mount): they are opened in it.
	layers, err := openLayers(dirs)
	defer linux.CloseAll(layers...) //nolint:errcheck // the overlay has mounts of its own
	if err != nil {
		return err
	}
	room, err := linux.NewMount("tmpfs", linux.MountNosuid|linux.MountNodev, "mode", "700", "size", UpperSize)
	if err != nil {
		return err
	}
	defer room.Close()
	if err := overlay(room, layers, uid, gid); err != nil {
		return err
	}
	top, err := linux.OpenDirAt(room, rootDir)
	if err != nil {
		return err
	}
	defer top.Close()
	if err := linux.Fchdir(top); err != nil {
		return err
	}
	if err := linux.Pivot(); err != nil {
		return err
	}
	if r.dir, err = linux.OpenPath("/"); err != nil {
		return err
	}
	if err := showDev(r.dir); err != nil {
		return err
	}
	if r.mounts, err = self.MountInfo(); err != nil {
		return err
	}
	if err := onlyOwn(r.mounts); err != nil {
		return err
	}
	r.ns, err = self.MountNamespace()
	return err
}

// mountPoints are all that there are in a root.
var mountPoints = []string{"/", "/dev", "/dev/pts", "/dev/shm"}

// onlyOwn checks that nothing else is mounted in the namespace: a session that may call chroot(2)
// gets out of any directory, but not to what is not there.
func onlyOwn(mountinfo []byte) error {
	var there []string
	for line := range strings.Lines(string(mountinfo)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			there = append(there, fields[4])
		}
	}
	slices.Sort(there)
	if !slices.Equal(there, mountPoints) {
		return fmt.Errorf("the new root has other mounts than its own: %q", there)
	}
	return nil
}

// openLayers holds each of some directories, uppermost first.
func openLayers(dirs []string) (list []*linux.FD, err error) {
	for _, dir := range dirs {
		fd, err := linux.OpenPath(dir)
		if err != nil {
			return list, err
		}
		list = append(list, fd)
		st, err := linux.Fstat(fd)
		if err != nil {
			return list, err
		}
		if st.Mode&linux.ModeType != linux.ModeDir {
			return list, fmt.Errorf("%s is no directory", dir)
		}
	}
	return list, nil
}

// overlay mounts the layers below an empty one in room, a tmpfs that nobody else has.
func overlay(room *linux.FD, layers []*linux.FD, uid, gid int) error {
	here, err := linux.OpenPath("/")
	if err != nil {
		return err
	}
	defer here.Close()
	if err := linux.MoveMount(room, here, ""); err != nil {
		return err
	}
	folders := map[string]*linux.FD{}
	defer func() {
		for _, fd := range folders {
			fd.Close()
		}
	}()
	for _, name := range []string{upperDir, workDir, rootDir} {
		if err := linux.MkdirAt(room, name, 0o755); err != nil {
			return err
		}
		if folders[name], err = linux.OpenDirAt(room, name); err != nil {
			return err
		}
	}
	upper := folders[upperDir]
	if err := linux.TakeAttributes(upper, layers[0]); err != nil {
		return err
	}
	for _, name := range own {
		if err := linux.MkdirAt(upper, name, 0o755); err != nil {
			return err
		}
		dir, err := linux.OpenDirAt(upper, name)
		if err != nil {
			return err
		}
		if err := errors.Join(linux.Fchown(dir, uid, gid), dir.Close()); err != nil {
			return err
		}
	}
	return linux.MountOverlay(folders[rootDir], layers, upper, folders[workDir])
}

// showDev mounts a /dev with what every container has there.
func showDev(root *linux.FD) error {
	dev, err := linux.NewMount("tmpfs", linux.MountNosuid|linux.MountNoexec, "mode", "755", "size", "64k")
	if err != nil {
		return err
	}
	defer dev.Close()
	if err := inject.MakeDevices(dev); err != nil {
		return err
	}
	if err := linux.MoveMount(dev, root, "dev"); err != nil {
		return err
	}
	if err := mountAt(dev, "pts", "devpts", "ptmxmode", "666", "mode", "600"); err != nil {
		return err
	}
	return mountAt(dev, "shm", "tmpfs", "mode", "1777", "size", "64m")
}

func mountAt(dir *linux.FD, name, fstype string, params ...string) error {
	if err := linux.MkdirAt(dir, name, 0o755); err != nil {
		return err
	}
	mount, err := linux.NewMount(fstype, linux.MountNosuid|linux.MountNoexec, params...)
	if err != nil {
		return err
	}
	return errors.Join(linux.MoveMount(mount, dir, name), mount.Close())
}
