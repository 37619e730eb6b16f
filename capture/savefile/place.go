package savefile

import "dlx/internal/outfile"

// Files that are not written to. Each comes behind the file's name.
var (
	ErrLink       = outfile.ErrLink
	ErrNotRegular = outfile.ErrNotRegular
	ErrHardLinks  = outfile.ErrHardLinks
	ErrOthers     = outfile.ErrOthers
)

// ErrNoAnswer reports a file system that does not answer.
var ErrNoAnswer = outfile.ErrNoAnswer

// Owner is a user whose files they are, and whom the kernel asks for when they are opened. Where
// root is to write, root may.
type Owner = outfile.Owner
