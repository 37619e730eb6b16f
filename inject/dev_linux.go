package inject

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"dlx/internal/linux"
	"dlx/toolbox/layout"
)

// devices are the nodes that every container has (the OCI runtime specification's "Default
// Devices"), by their numbers in the kernel's devices.txt.
var devices = []struct {
	name         string
	major, minor uint32
}{
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
}

// links are those that stand beside them (the specification's "/dev symbolic links").
var links = []struct{ name, target string }{
	{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
}

const ptsName = "pts"

// Device is a device node that a view has beside the usual ones.
type Device struct {
	Name string // its path below /dev
	linux.Device
}

// CanShow says whether a view can have a node of a name: it is not that of something else of dlx's.
func CanShow(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return path.Clean(name) == name && linux.CleanComponent(first) && !own(first)
}

// own says whether an entry of /dev is dlx's to make.
func own(name string) bool {
	if strings.HasPrefix(name, reserved) || name == homeName || name == shellName || name == ptsName {
		return true
	}
	for _, d := range devices {
		if d.name == name {
			return true
		}
	}
	return slices.ContainsFunc(links, func(l struct{ name, target string }) bool { return l.name == name })
}

// showDev puts a tmpfs over /dev. It has its own nodes, a clone of each other entry of the old one,
// and the toolbox, if any. Clones are made first: they keep what restrict takes from the rest.
func (v *View) showDev(top *linux.FD, box *Mounted, o ViewOptions) error {
	old, err := v.openDev()
	if err != nil {
		return err
	}
	defer old.Close()
	entries, err := cloneEntries(old, o.Devices)
	defer func() {
		for _, e := range entries {
			e.tree.Close()
		}
	}()
	if err != nil {
		return err
	}
	if err := v.restrict(top, o); err != nil {
		return err
	}
	dev, err := linux.NewMount("tmpfs", linux.MountNosuid|linux.MountNoexec, "mode", "755")
	if err != nil {
		return err
	}
	v.dev = dev
	if err := linux.MoveMount(dev, old, ""); err != nil {
		return err
	}
	if err := v.makeDevices(dev, o); err != nil {
		return err
	}
	if err := linux.MkdirAt(dev, ptsName, 0o755); err != nil {
		return err
	}
	if err := v.showPts(dev); err != nil {
		return err
	}
	for _, e := range entries {
		if err := e.place(dev, o); err != nil {
			return err
		}
	}
	if box != nil {
		return v.showTools(dev, box)
	}
	return nil
}

// Seal gives the session its accounts at AccountsPath, and makes its /dev read-only. It is called
// before anybody enters the view, once. A view without a toolbox has no place for accounts.
func (v *View) Seal(accounts []byte) error {
	if v.dev == nil {
		return nil
	}
	var err error
	if v.Home != nil {
		err = writeAccounts(v.dev, accounts)
	}
	err = errors.Join(err, linux.MakeReadOnly(v.dev), v.dev.Close())
	v.dev = nil
	if err != nil {
		return fmt.Errorf("seal the session's view: %w", err)
	}
	return nil
}

func writeAccounts(dev *linux.FD, accounts []byte) error {
	if err := linux.MkdirAt(dev, accountsDir, 0o755); err != nil {
		return err
	}
	dir, err := linux.OpenDirAt(dev, accountsDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	file, err := linux.CreateAt(dir, accountsName, 0o444)
	if err != nil {
		return err
	}
	_, err = linux.Writer(file).Write(accounts)
	return errors.Join(err, file.Close())
}

// showTools mounts the toolbox, with what its programs take for /bin/sh and a home beside it.
func (v *View) showTools(dev *linux.FD, box *Mounted) error {
	if err := linux.MkdirAt(dev, toolboxName, 0o755); err != nil {
		return err
	}
	if err := box.attach(dev, toolboxName); err != nil {
		return err
	}
	if err := linux.SymlinkAt(toolboxName+"/"+layout.Sh, dev, shellName); err != nil {
		return err
	}
	return v.showHome(dev)
}

// MakeDevices makes the nodes and links that every container has.
func MakeDevices(dev *linux.FD) error { return new(View).makeDevices(dev, ViewOptions{}) }

// makeDevices makes them, and more nodes.
func (v *View) makeDevices(dev *linux.FD, o ViewOptions) error {
	if o.Rootless {
		if err := v.placeUsual(dev, false); err != nil {
			return err
		}
		return makeLinks(dev)
	}
	for _, d := range devices {
		if err := linux.MknodAt(dev, d.name, 0o666, linux.Device{Major: d.major, Minor: d.minor}); err != nil {
			return err
		}
	}
	for _, d := range o.Devices {
		if err := makeDevice(dev, d); err != nil {
			return err
		}
	}
	return makeLinks(dev)
}

func makeLinks(dev *linux.FD) error {
	for _, l := range links {
		if err := linux.SymlinkAt(l.target, dev, l.name); err != nil {
			return err
		}
	}
	return nil
}

// makeDevice makes a node, and the directories that its name says.
func makeDevice(dev *linux.FD, d Device) error {
	dir, err := dev.Dup()
	if err != nil {
		return err
	}
	defer func() { dir.Close() }()
	parents := strings.Split(d.Name, "/")
	for _, name := range parents[:len(parents)-1] {
		if err := linux.MkdirAt(dir, name, 0o755); err != nil && !errors.Is(err, linux.ErrExist) {
			return err
		}
		below, err := linux.OpenDirAt(dir, name)
		if err != nil {
			return err
		}
		dir.Close()
		dir = below
	}
	return linux.MknodAt(dir, path.Base(d.Name), 0o666, d.Device)
}

// maxPtys is how many terminals a session can make; the kernel's own limit is for the whole machine
// (kernel.pty.max).
const maxPtys = "256"

// showPts mounts a devpts of the session's own: its terminal has a name there, and nobody else's
// does.
func (v *View) showPts(dev *linux.FD) (err error) {
	v.Pts, err = linux.NewMount("devpts", linux.MountNosuid|linux.MountNoexec, "ptmxmode", "666", "mode", "600", "max", maxPtys)
	if err != nil {
		return err
	}
	return linux.MoveMount(v.Pts, dev, ptsName)
}

// homeSize bounds what a home holds; the session's memory limit counts it as well.
const homeSize = "512m"

// showHome mounts a home of the session's own. Nothing outside sees it, and it ends with the
// session. The user's own home is the container's: it has start-up files for whatever is run.
func (v *View) showHome(dev *linux.FD) (err error) {
	if err := linux.MkdirAt(dev, homeName, 0o755); err != nil {
		return err
	}
	v.Home, err = linux.NewMount("tmpfs", linux.MountNosuid|linux.MountNodev, "mode", "700", "size", homeSize)
	if err != nil {
		return err
	}
	return linux.MoveMount(v.Home, dev, homeName)
}
