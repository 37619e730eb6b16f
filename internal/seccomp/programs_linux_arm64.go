package seccomp

import "embed"

//go:embed programs/arm64
var programs embed.FS
