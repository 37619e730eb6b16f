// Package ocispec reads what dlx uses of OCI's specification of a container (runtime-spec,
// config.md), which runtimes keep as JSON.
package ocispec

import (
	"fmt"

	"dlx/target"
)

// Spec is that much of it.
type Spec struct {
	Process struct {
		Env  []string `json:"env"`
		Cwd  string   `json:"cwd"`
		User struct {
			UID uint32 `json:"uid"`
			GID uint32 `json:"gid"`
		} `json:"user"`
	} `json:"process"`
	Root struct {
		Path string `json:"path"` // relative: below a directory that only the runtime knows
	} `json:"root"`
	Linux struct {
		CgroupsPath string `json:"cgroupsPath"`
	} `json:"linux"`
}

// Specify adds what it says of a container.
func (s *Spec) Specify(info *target.Info) {
	info.Env, info.WorkingDir = s.Process.Env, s.Process.Cwd
	info.User = fmt.Sprintf("%d:%d", s.Process.User.UID, s.Process.User.GID)
	info.Cgroup = CgroupPath(s.Linux.CgroupsPath)
}
