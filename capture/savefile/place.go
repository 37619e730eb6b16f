package savefile

import (
	"errors"
	"time"
)

// Files that are not written to. Each comes behind the file's name.
var (
	ErrLink       = errors.New("is a symbolic link, and none is followed")
	ErrNotRegular = errors.New("is not a regular file")
	ErrHardLinks  = errors.New("has other names besides (hard links)")
	ErrOthers     = errors.New("is another user's, in a directory that everybody may write to")
)

// ErrNoAnswer reports a file system that does not answer.
var ErrNoAnswer = errors.New("the file system does not answer")

// answerLimit is how long a file system may take for an open once the capture is to end.
const answerLimit = 3 * time.Second
