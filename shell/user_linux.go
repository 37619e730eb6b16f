package shell

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/user"

	"dlx/internal/linux"
)

// User is who a session runs as, in the container's numbers.
type User struct {
	UID, GID uint32
	Groups   []uint32
	Home     string
}

// UnknownUserError reports a user or group that the container's files do not have.
type UnknownUserError struct {
	Spec string
	Err  error
}

func (e *UnknownUserError) Error() string { return fmt.Sprintf("find user %q: %v", e.Spec, e.Err) }
func (e *UnknownUserError) Unwrap() error { return e.Err }

// Hint says what always works.
func (e *UnknownUserError) Hint() string {
	return "give numbers, as in --user 1000:1000; names come from the container's /etc/passwd"
}

// accountFileLimit bounds what is read of the container's /etc/passwd and /etc/group.
const accountFileLimit = 1 << 20

// LookupUser resolves "USER", "USER:GROUP" or numbers by the files below root. They are data, parsed here: no name
// service of the host's or the container's is asked.
func LookupUser(spec string, root *linux.FD) (User, error) {
	passwd, err := readInRoot(root, "/etc/passwd")
	if err != nil {
		return User{}, err
	}
	group, err := readInRoot(root, "/etc/group")
	if err != nil {
		return User{}, err
	}
	found, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, bytes.NewReader(passwd), bytes.NewReader(group))
	if err != nil {
		return User{}, &UnknownUserError{spec, err}
	}
	u := User{UID: uint32(found.Uid), GID: uint32(found.Gid), Home: found.Home}
	for _, g := range found.Sgids {
		u.Groups = append(u.Groups, uint32(g))
	}
	return u, nil
}

// readInRoot reads a small regular file below a hostile root; one that is not there, or is no such file, reads as
// empty. The descriptor is checked before it is opened for reading, since a FIFO or a FUSE file could hang.
func readInRoot(root *linux.FD, name string) ([]byte, error) {
	dup, err := root.Dup()
	if err != nil {
		return nil, err
	}
	dir := dup.File("/")
	defer dir.Close()
	handle, err := pathrs.OpenatInRoot(dir, name)
	if err != nil {
		return nil, nil // whatever keeps the file from being found, it names no users
	}
	defer handle.Close()
	if info, err := handle.Stat(); err != nil || !info.Mode().IsRegular() || linux.OnFuse(handle) {
		return nil, err
	}
	f, err := pathrs.Reopen(handle, os.O_RDONLY)
	if err != nil {
		return nil, nil // as above
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, accountFileLimit+1))
	if err != nil {
		return nil, fmt.Errorf("read the container's %s: %w", name, err)
	}
	if len(data) > accountFileLimit {
		return nil, fmt.Errorf("the container's %s: %w", name, errTooLong)
	}
	return data, nil
}

var errTooLong = errors.New("longer than 1 MiB")
