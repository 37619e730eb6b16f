package testutil

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dlx/internal/linux"
)

// leakLimit is how long a resource may take to go after the last test. A ring is closed in the
// background. A mount may be another package's test's, made at the same time.
const leakLimit = 15 * time.Second

// Main runs the tests and then fails on what they leaked: descriptors, goroutines, child processes,
// mounts of the host and dlx-* cgroups. It is the whole of a TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }
func Main(m *testing.M) int {
	before := snapshot()
	current := goleak.IgnoreCurrent()
	code := m.Run()
	if err := errors.Join(network.remove(), images.remove()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if f := flag.Lookup("test.fuzz"); code != 0 || f != nil && f.Value.String() != "" {
		return code // a failed test ends before its own clean-up; a fuzzing process keeps pipes to its workers
	}
	if err := goleak.Find(current); err != nil {
		fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
		code = 1
	}
	if leaks := leaked(before, snapshot, leakLimit); len(leaks) > 0 {
		fmt.Fprintf(os.Stderr, "leaked:\n\t%s\n", strings.Join(leaks, "\n\t"))
		code = 1
	}
	return code
}

// resources is a set of descriptions of what a process and the host hold.
type resources map[string]bool

// leaked lists what look found first, is not in before, and does not go within limit. What appears
// only later was not made by the tests that have ended.
func leaked(before resources, look func() resources, limit time.Duration) []string {
	left := look()
	maps.DeleteFunc(left, func(what string, _ bool) bool { return before[what] })
	poll(limit, func() bool {
		now := look()
		maps.DeleteFunc(left, func(what string, _ bool) bool { return !now[what] })
		return len(left) == 0
	})
	return slices.Sorted(maps.Keys(left))
}

func snapshot() resources {
	all := resources{}
	for _, collect := range []func(resources){descriptors, children, mounts, cgroups} {
		collect(all)
	}
	return all
}

// descriptors adds the open files of this process, without those of the runtime's poller.
func descriptors(all resources) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		to, err := os.Readlink("/proc/self/fd/" + name)
		if err != nil || name == strconv.Itoa(int(dir.Fd())) || to == "anon_inode:[eventpoll]" || to == "anon_inode:[eventfd]" {
			continue
		}
		all["descriptor "+name+" of "+to] = true
	}
}

// children adds the processes that this one started and did not wait for.
func children(all resources) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		data, _ := os.ReadFile(stat)
		if s, err := linux.ParseStat(data); err == nil && s.Parent() == os.Getpid() {
			all["child process "+filepath.Base(filepath.Dir(stat))+" ("+s.Comm+")"] = true
		}
	}
}

// runtimeMount matches a runtime's mounts for containers, of this package or one tested beside it.
var runtimeMount = regexp.MustCompile(`/(overlay2/[^/]+/merged|containers/[^/]+/mounts/shm|netns/[^/]+|` +
	`rootfs/[^/]+/[^/]+|io\.containerd\.[^ ]*/rootfs|store/overlay(/[^/]+/merged)?|overlay-containers/[^/]+/userdata/shm)$`)

// mounts adds the mounts of the host, without those of runtimes.
func mounts(all resources) {
	points, _ := mountPoints("")
	for _, point := range points {
		if !runtimeMount.MatchString(point) {
			all["mount on "+point] = true
		}
	}
}

// mountPoints lists the mount points that begin with prefix, the topmost and latest first.
func mountPoints(prefix string) ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var points []string
	for line := range strings.Lines(string(data)) {
		// proc_pid_mountinfo(5): the fifth field is the mount point.
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], prefix) {
			points = append(points, fields[4])
		}
	}
	slices.Reverse(points)
	return points, nil
}

// cgroups adds the groups that sessions run in, of each controller of v1 or of the one tree of v2.
// A group is named after the process that made it: one of another that still runs is in use.
func cgroups(all resources) {
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "dlx-") && !inUse(d.Name()) {
			all["cgroup "+path] = true
		}
		return nil
	})
}

// inUse says whether a group's name, dlx-PID-RANDOM, is that of another process that runs.
func inUse(name string) bool {
	number, _, _ := strings.Cut(strings.TrimPrefix(name, "dlx-"), "-")
	pid, err := strconv.Atoi(number)
	if err != nil || pid == os.Getpid() {
		return false
	}
	_, err = os.Stat("/proc/" + number)
	return err == nil
}
