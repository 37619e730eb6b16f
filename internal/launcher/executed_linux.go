package launcher

import (
	"strings"
	"syscall"
)

// Of the auxiliary vector (getauxval(3)).
const (
	atExecfn = 31 // the address of the path that was executed
	wordSize = 8  // on the machines that toolboxes are for, which are little-endian
)

// maxRead is PATH_MAX of limits.h; an auxiliary vector is shorter.
const maxRead = 4096

// executed is the path that was given to execve(2), with the link in it that the kernel followed,
// or "". Packages os and encoding/binary would make each session's first process larger.
func executed() string {
	vector := readAt("/proc/self/auxv", 0)
	for ; len(vector) >= 2*wordSize; vector = vector[2*wordSize:] {
		if word(vector) != atExecfn {
			continue
		}
		// The stack can end before the buffer does.
		path, _, whole := strings.Cut(readAt("/proc/self/mem", word(vector[wordSize:])), "\x00")
		if whole {
			return path
		}
	}
	return ""
}

func word(s string) (n int64) {
	for i := range wordSize {
		n |= int64(s[i]) << (8 * i)
	}
	return n
}

// readAt is what a file has at an offset, or "".
func readAt(file string, offset int64) string {
	fd, err := syscall.Open(file, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = syscall.Close(fd) }()
	buf := make([]byte, maxRead)
	n, _ := syscall.Pread(fd, buf, offset)
	return string(buf[:max(n, 0)])
}
