package engine

import (
	"context"

	"dlx/target"
)

// Rootfs returns the host directories of a container's files, as its runtime names them.
func (l *Local) Rootfs(ctx context.Context, c *target.Info) (target.Layers, error) {
	return l.targets.Rootfs(ctx, c)
}
