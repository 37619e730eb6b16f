// Package version holds the program's version.
package version

import (
	"fmt"
	"runtime"
)

// Version is set when building (-X dlx/internal/version.Version=...).
var Version = "devel"

// String is the version with what it was built with, in one line.
func String() string {
	return fmt.Sprintf("dlx %s (%s, %s/%s)", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
