package inject

import "dlx/internal/linux"

// Root is the toolbox's file system.
func (m *Mounted) Root() *linux.FD { return m.root }
