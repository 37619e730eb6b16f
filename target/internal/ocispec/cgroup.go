package ocispec

import (
	"path"
	"strings"
)

// CgroupPath is a container's cgroup by its specification, as /proc/PID/cgroup names it: a path, or
// "SLICE:PREFIX:NAME" of systemd's. It is "" for anything else.
func CgroupPath(text string) string {
	if strings.HasPrefix(text, "/") {
		if text == "/" || path.Clean(text) != text {
			return ""
		}
		return text
	}
	parts := strings.Split(text, ":")
	if len(parts) != 3 || parts[2] == "" || strings.Contains(text, "/") {
		return ""
	}
	slice, prefix, name := parts[0], parts[1], parts[2]
	if slice == "" {
		slice = "system.slice" // runc, libcontainer/cgroups/systemd/v2.go
	}
	dir, ok := expandSlice(slice)
	if !ok {
		return ""
	}
	if strings.HasSuffix(name, ".slice") {
		return dir + "/" + name
	}
	if prefix != "" {
		name = prefix + "-" + name
	}
	return dir + "/" + name + ".scope"
}

// expandSlice is the path of a slice: a-b.slice is in a.slice (systemd.slice(5)).
func expandSlice(slice string) (dir string, ok bool) {
	name, ok := strings.CutSuffix(slice, ".slice")
	if !ok {
		return "", false
	}
	if name == "-" {
		return "", true // the root
	}
	above := ""
	for part := range strings.SplitSeq(name, "-") {
		if part == "" {
			return "", false
		}
		dir += "/" + above + part + ".slice"
		above += part + "-"
	}
	return dir, true
}
