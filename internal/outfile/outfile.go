package outfile

import (
	"errors"
	"time"
)

// Owner is a user whose files they are, and whom the kernel asks for when they are made. Where root
// is to write, root may.
type Owner struct{ UID, GID int }

// Files that are not written to. Each comes behind the file's name.
var (
	ErrLink       = errors.New("is a symbolic link, and none is followed")
	ErrNotRegular = errors.New("is not a regular file")
	ErrHardLinks  = errors.New("has other names besides (hard links)")
	ErrOthers     = errors.New("is another user's, in a directory that everybody may write to")
)

// ErrNoAnswer reports a file system that does not answer.
var ErrNoAnswer = errors.New("the file system does not answer")

// answerLimit is how long a file system may take once nobody waits for the file any more.
const answerLimit = 3 * time.Second
