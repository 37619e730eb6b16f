//go:build !unix

package pemfile

// modes is false: lists of access say it, which dlx does not read.
const modes = false
