// Package layer finds what has changed in a container's writable layer since a time: by the times
// at which the kernel has changed the files' inodes (ctime, inode(7)), which nobody sets.
package layer
