package linux

import "golang.org/x/sys/unix"

// MagicNamespace is the file system that namespaces' files are on (statfs(2)).
const MagicNamespace = unix.NSFS_MAGIC

// NamespaceType is the clone flag of a namespace's kind, such as NewNet (ioctl_ns(2),
// NS_GET_NSTYPE; Linux 4.11).
func NamespaceType(fd *FD) (flag int, err error) {
	flag, err = unix.IoctlRetInt(fd.Int(), unix.NS_GET_NSTYPE)
	return flag, wrap("ioctl NS_GET_NSTYPE", err)
}
