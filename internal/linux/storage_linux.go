package linux

import (
	"slices"

	"golang.org/x/sys/unix"
)

// storage are the file systems whose regular files somebody has stored, by magic number
// (statfs(2), include/uapi/linux/magic.h of the kernel). Left out are files that the kernel makes
// up, as in procfs or debugfs: these may wait for ever, ask somebody else, or act. So is FUSE:
// anybody may serve it.
var storage = []int64{
	unix.OVERLAYFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC,
	unix.EXT4_SUPER_MAGIC, // ext2 and ext3 as well
	unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.BCACHEFS_SUPER_MAGIC, unix.REISERFS_SUPER_MAGIC,
	unix.NILFS_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC, unix.JFFS2_SUPER_MAGIC, unix.ECRYPTFS_SUPER_MAGIC,
	unix.SQUASHFS_MAGIC, unix.ISOFS_SUPER_MAGIC, unix.UDF_SUPER_MAGIC, unix.CRAMFS_MAGIC, unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC,
	unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.V9FS_MAGIC,
	// Those that golang.org/x/sys has no name for, from the file system's own source.
	0xe0f5e1e2, // EROFS
	0x2fc12fc1, // ZFS
	0x3153464a, // JFS
	0x01161970, // GFS2
	0x24051905, // UBIFS
	0x61756673, // aufs
	0x7366746e, // NTFS3
}

// Stored says whether a file system of this magic number stores bytes.
func Stored(magic int64) bool { return slices.Contains(storage, magic&0xffffffff) }
