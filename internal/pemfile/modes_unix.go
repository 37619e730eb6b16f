//go:build unix

package pemfile

// modes says whether a file's mode tells who may read and write it.
const modes = true
