//go:build linux && !amd64 && !arm64

package seccomp

import "embed"

var programs embed.FS
