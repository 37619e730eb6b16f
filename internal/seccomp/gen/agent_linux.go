package main

import (
	"encoding/json"
	"os"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// writeAgent writes a profile for `docker run --security-opt seccomp=FILE`. It is Docker's default,
// whose rules go by the container's capabilities, and pivot_root(2): what has no process is looked
// into in a root of its own (internal/standin).
func writeAgent(name string) error {
	profile := profiles.DefaultProfile()
	profile.Syscalls = append(profile.Syscalls, &profiles.Syscall{
		LinuxSyscall: specs.LinuxSyscall{Names: []string{"pivot_root"}, Action: specs.ActAllow},
		Includes:     &profiles.Filter{Caps: []string{"CAP_SYS_ADMIN"}},
	})
	text, err := json.MarshalIndent(profile, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
