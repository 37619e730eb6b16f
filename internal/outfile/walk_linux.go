package outfile

import (
	"fmt"
	"os"
	"path"
	"strings"

	"dlx/internal/linux"
)

// Walk opens a directory, component by component. It refuses a link on the way,
// since nobody can tell whose it is. A container's root may have a volume there,
// and by number it is the host's root.
func Walk(dir string) (*linux.FD, error) {
	sofar := "."
	if path.IsAbs(dir) {
		sofar = "/"
	}
	at, err := linux.OpenDirPathAt(nil, sofar)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	for part := range strings.SplitSeq(dir, "/") {
		if part == "" {
			continue
		}
		sofar = path.Join(sofar, part)
		next, err := linux.OpenDirPathAt(at, part)
		if err != nil {
			err = Refusal(at, part, sofar, err)
		}
		_ = at.Close() // was only looked at
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// Refusal is why a name below a directory could not be opened.
func Refusal(dir *linux.FD, base, name string, err error) error {
	st, serr := linux.StatAt(dir, base)
	switch {
	case serr != nil:
	case st.Mode&linux.ModeType == linux.ModeSymlink:
		return fmt.Errorf("%s %w", name, ErrLink)
	case st.Mode&linux.ModeType != linux.ModeRegular && st.Mode&linux.ModeType != linux.ModeDir: // a FIFO without a reader
		return fmt.Errorf("%s %w", name, ErrNotRegular)
	}
	return &os.PathError{Op: "open", Path: name, Err: err}
}

// Check is why a file in a directory is not to be written to or replaced, nil if it may be: it is
// not regular, or somebody else's in a directory such as /tmp. That is fs.protected_regular,
// whatever the machine has it set to (proc(5)), for the user that the calling thread makes files
// as.
func Check(dir *linux.FD, file linux.Stat) error {
	if file.Mode&linux.ModeType != linux.ModeRegular {
		if file.Mode&linux.ModeType == linux.ModeSymlink {
			return ErrLink
		}
		return ErrNotRegular
	}
	st, err := linux.Fstat(dir)
	if err != nil {
		return err
	}
	const sticky, writable = 0o1000, 0o022 // for others than the directory's owner
	if st.Mode&sticky != 0 && st.Mode&writable != 0 && file.Uid != st.Uid && int(file.Uid) != linux.FileUser() {
		return ErrOthers
	}
	return nil
}
