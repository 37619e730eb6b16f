package toolbox

import (
	"dlx/internal/linux"
	"dlx/internal/rootless"
)

// unmapped says whether a user is what stands for those that this user namespace has not
// (user_namespaces(7), "Unmapped user and group IDs").
func unmapped(uid int) bool { return uid == linux.Nobody && rootless.Inside() }
