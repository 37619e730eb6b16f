package crio

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"dlx/target"
)

// Rootfs returns where a container's files are mounted, as CRI-O has it in the specification
// (cri-o, server/container_create.go, SetRootPath). containerd has a path there that is relative.
// An annotation has it too, but annotations are also those of the pod's maker. The writable layer
// is named where containers/storage has mounted one there. Of what does not run there is nothing:
// its files are not mounted, and the interface tells of no layers.
func (r *Runtime) Rootfs(ctx context.Context, c *target.Info) (target.Layers, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	s, err := r.status(ctx, c.ID)
	if err != nil || !s.state.Live() || s.verbose == nil {
		return target.Layers{}, err
	}
	merged := s.verbose.Spec.Root.Path
	if !target.CleanDir(merged) || merged == "/" {
		return target.Layers{}, nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return target.Layers{}, err
	}
	return target.Layers{Merged: merged, Upper: upperOf(merged, string(mounts))}, nil
}

// upperOf is the writable layer of the overlay that is mounted on a directory, by
// proc_pid_mountinfo(5). It is "" unless that is where containers/storage has it: ID/diff beside
// ID/merged, of which the mount has the whole path, or the end (drivers/overlay/overlay.go, get).
func upperOf(merged, mountinfo string) (upper string) {
	home, name := filepath.Split(merged)
	if name != "merged" {
		return ""
	}
	diff := filepath.Join(home, "diff")
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(line, " - ")
		mount, super := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(super) < 3 || escaped.Replace(mount[4]) != merged {
			continue
		}
		upper = "" // the last one is on top
		for option := range strings.SplitSeq(super[2], ",") {
			dir, ok := strings.CutPrefix(option, "upperdir=")
			if dir = escaped.Replace(dir); ok && super[0] == "overlay" && (dir == diff || dir == filepath.Join(filepath.Base(filepath.Dir(diff)), "diff")) {
				upper = diff
			}
		}
	}
	return upper
}

// escaped are the characters that mountinfo has as octal numbers.
var escaped = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
