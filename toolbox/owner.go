package toolbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dlx/fault"
)

// notOwned reports a file or folder of somebody else, who could put anything there.
func notOwned(name string, uid int) error {
	return fault.New(fault.NotOwned, name, "%s belongs to user %d, neither root nor who runs dlx: it is not trusted", name, uid)
}

// CheckOwners wants a path, and all that leads to it from the root on, to belong to root or to who
// runs dlx. Nobody else may be able to write there, except in a folder with the sticky bit: what
// lies in it is its owner's alone (inode(7)). Links are followed, as a configuration manager's have
// to be, and where they lead is looked at too. So nobody else has put the file there, nor can
// replace it later. A missing path is fs.ErrNotExist, somebody else's a fault.NotOwned or Writable.
//
// Root of a user namespace alone sees all that has no owner there as nobody's, the machine's root's
// too, and takes that for root's: whoever becomes it checks the paths first.
func CheckOwners(name string) error {
	name, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	at := filepath.VolumeName(name) + string(filepath.Separator)
	rest := strings.Split(strings.TrimPrefix(name, at), string(filepath.Separator))
	if err := checkOwner(at); err != nil {
		return err
	}
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		next := filepath.Join(at, part)
		info, err := os.Lstat(next)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if err := checkInfo(next, info); err != nil {
				return err
			}
			at = next
			continue
		}
		// To change a link takes writing to its folder, which was looked at, or owning the link.
		if uid, known := ownerOf(info); known && !trustedOwner(uid) {
			return notOwned(next, uid)
		}
		to, err := os.Readlink(next)
		if err != nil {
			return err
		}
		if links++; links > maxLinks {
			return fmt.Errorf("%s: %w", name, errors.New("too many links"))
		}
		if filepath.IsAbs(to) {
			at = filepath.VolumeName(to) + string(filepath.Separator)
			to = strings.TrimPrefix(to, at)
		}
		rest = append(strings.Split(to, string(filepath.Separator)), rest...)
	}
	return nil
}

func checkOwner(name string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	return checkInfo(name, info)
}

func checkInfo(name string, info fs.FileInfo) error {
	uid, known := ownerOf(info)
	if !known { // a system whose files have no owner that can be compared
		return nil
	}
	if !trustedOwner(uid) {
		return notOwned(name, uid)
	}
	if sticky := info.IsDir() && info.Mode()&fs.ModeSticky != 0; !sticky && info.Mode()&0o022 != 0 {
		return writable(name)
	}
	return nil
}

func trustedOwner(uid int) bool { return uid == 0 || uid == os.Geteuid() || unmapped(uid) }
