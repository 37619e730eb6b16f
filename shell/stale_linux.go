package shell

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"dlx/internal/cgroup"
	"dlx/internal/linux"
	"dlx/nsutil"
)

// owner is the dlx that made a session. Its start time tells it from a process that has its number
// later, and its pid namespace says for whom the number means it.
type owner struct {
	pid       int
	start, ns uint64
}

func self() (owner, error) {
	o := owner{pid: os.Getpid()}
	own, err := nsutil.Own()
	if err != nil {
		return o, err
	}
	o.ns = own[nsutil.Pid].Ino
	stat, err := linux.StatProcess(o.pid)
	if err != nil {
		return o, err
	}
	o.start = stat.Start()
	return o, nil
}

// groupName is a new name of a cgroup: dlx-PID-START-NAMESPACE-RANDOM.
func (o owner) groupName() string {
	return fmt.Sprintf("%s%d-%d-%d-%s", cgroup.Prefix, o.pid, o.start, o.ns, rand.Text()[:8])
}

// ownerOf reads a name that groupName has made.
func ownerOf(name string) (o owner, ok bool) {
	var random string
	n, err := fmt.Sscanf(strings.ReplaceAll(name, "-", " "), "dlx %d %d %d %s", &o.pid, &o.start, &o.ns, &random)
	return o, err == nil && n == 4
}

// gone says whether the owner has certainly ended. If that can not be found out, it has not.
func (o owner) gone(us owner) bool {
	if o.ns != us.ns {
		return false
	}
	stat, err := linux.StatProcess(o.pid)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, linux.ErrNoProcess) {
		return true
	}
	return err == nil && (stat.Ended() || stat.Start() != o.start)
}

// sweepLimit is how long a session waits for what others have left.
// What can not be killed is another container's doing.
const sweepLimit = 100 * time.Millisecond

// sweep cleans up after sessions whose dlx and keeper were both killed.
func sweep(us owner) {
	ctx, cancel := context.WithTimeout(context.Background(), sweepLimit)
	defer cancel()
	for _, root := range cgroup.Roots() {
		entries, err := os.ReadDir(root)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if o, ok := ownerOf(e.Name()); ok && e.IsDir() && o.gone(us) {
				_ = cgroup.Find(e.Name()).Clean(ctx) // the next session tries again
			}
		}
	}
}
