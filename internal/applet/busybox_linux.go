package applet

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// errNoBusybox: this toolbox is of dlx-tools alone.
var errNoBusybox = errors.New("this toolbox has no busybox")

// becomeBusybox executes busybox's applet of that name in place of this process.
func becomeBusybox(name string, args []string) error {
	dir := toolboxDir()
	if dir == "" {
		return errNoBusybox
	}
	err := syscall.Exec(filepath.Join(dir, "busybox"), append([]string{name}, args...), os.Environ())
	if errors.Is(err, syscall.ENOENT) {
		return errNoBusybox
	}
	return err
}
