package shell

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strconv"

	"github.com/moby/sys/user"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/rootfs"
)

// accountFileLimit bounds what is read of the container's /etc/passwd and /etc/group.
const accountFileLimit = 1 << 20

// Accounts are the users and groups that the files below a root name. They are data: no name
// service of the host's or the container's is asked.
type Accounts struct{ passwd, group []byte }

// ReadAccounts ends with ctx, and with rootfs.ErrNoAnswer if the files can not be read in time.
func ReadAccounts(ctx context.Context, root *rootfs.Root) (a Accounts, err error) {
	if a.passwd, err = readAccounts(ctx, root, "/etc/passwd"); err != nil {
		return a, err
	}
	a.group, err = readAccounts(ctx, root, "/etc/group")
	return a, err
}

// Find resolves "USER", "USER:GROUP" or numbers. Who is not there is a fault.BadUser.
func (a Accounts) Find(spec string) (User, error) {
	u, err := findUser(spec, a.passwd, a.group)
	if err != nil {
		return User{}, fault.New(fault.BadUser, spec, "find user %q: %w", spec, err)
	}
	return u, nil
}

// Fields of passwd(5), from 0.
const (
	homeField  = 5
	shellField = 6
)

// Passwd is a passwd(5) of the same users, all with one home and one shell. Lines that are none are
// left out.
func (a Accounts) Passwd(home, shell string) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(a.passwd) {
		fields := bytes.Split(bytes.TrimSpace(line), []byte(":"))
		if len(fields) != shellField+1 || len(fields[0]) == 0 {
			continue
		}
		fields[homeField], fields[shellField] = []byte(home), []byte(shell)
		out.Write(append(bytes.Join(fields, []byte(":")), '\n'))
	}
	return out.Bytes()
}

// readAccounts reads a file of names. It names nobody if it is missing, unreachable, or no file. A
// file that does not end, or not in time, is an error.
func readAccounts(ctx context.Context, root *rootfs.Root, name string) ([]byte, error) {
	data, err := rootfs.Read(ctx, root, name, accountFileLimit)
	for _, none := range []error{linux.ErrNotExist, linux.ErrNotDir, linux.ErrLoop, linux.ErrAccess, linux.ErrPerm, rootfs.ErrNotFile} {
		if errors.Is(err, none) {
			return nil, nil
		}
	}
	return data, err
}

// findUser resolves a user by the content of the two files.
func findUser(spec string, passwd, group []byte) (u User, err error) {
	passwd, group = markIDs(passwd, 2, 3), markIDs(group, 2)
	found, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, bytes.NewReader(passwd), bytes.NewReader(group))
	if err != nil {
		return u, err
	}
	u.Home = found.Home
	if u.UID, err = toID(found.Uid); err != nil {
		return u, err
	}
	if u.GID, err = toID(found.Gid); err != nil {
		return u, err
	}
	for _, g := range found.Sgids {
		id, err := toID(g)
		if err != nil {
			return u, err
		}
		u.Groups = append(u.Groups, id)
	}
	return u, nil
}

// errID reports a user or group with something that is no ID: not a number from 0 to 4294967294.
// The number after that is -1 in 32 bits, which means "unchanged" to setresuid(2).
var errID = errors.New("its user or group ID is not a number from 0 to 4294967294")

const maxID = math.MaxUint32 - 1

func toID(n int) (uint32, error) {
	if n < 0 || n > maxID {
		return 0, errID
	}
	return uint32(n), nil
}

// markIDs puts -1 into those of a file's fields that should be an ID and are none (passwd(5),
// group(5)). GetExecUser would take them for 0, which is root: an empty field, for one.
func markIDs(file []byte, fields ...int) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(file) {
		parts := bytes.Split(bytes.TrimSpace(line), []byte(":"))
		for _, i := range fields {
			for len(parts) <= i {
				parts = append(parts, nil)
			}
			if id, err := strconv.ParseUint(string(parts[i]), 10, 32); err != nil || id > maxID {
				parts[i] = []byte("-1")
			}
		}
		if len(parts[0]) > 0 {
			out.Write(append(bytes.Join(parts, []byte(":")), '\n'))
		}
	}
	return out.Bytes()
}
