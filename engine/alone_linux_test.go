package engine_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"dlx/internal/testutil"
	"dlx/nsutil"
)

// aloneEnv names the test that this program has been started anew for.
const aloneEnv = "DLX_TEST_ALONE"

// alone starts the test once more, by itself, as root of a user namespace, and returns true there.
// That takes no privileges, and gives none over anything outside (user_namespaces(7)). The network
// namespace is the test's own, and so is the cgroup namespace: what cgroup the test itself runs in
// does not show.
func alone(t *testing.T) bool {
	t.Helper()
	if !aloneAs(t, 0) {
		return false
	}
	err := loopbackUp()
	if errors.Is(err, os.ErrPermission) { // user namespaces without rights, as AppArmor can have them
		testutil.SkipOrFail(t, "needs a user namespace whose root has rights in it: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// aloneAs does so as any user of the namespace: one that is not 0 has no privileges there either.
func aloneAs(t *testing.T, user int) bool {
	t.Helper()
	if os.Getenv(aloneEnv) == t.Name() {
		return true
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), aloneEnv+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWCGROUP,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && cmd.Process == nil:
		testutil.SkipOrFail(t, "needs user namespaces: "+err.Error())
	case err != nil:
		t.Errorf("by itself: %v\n%s", err, out)
	case bytes.Contains(out, []byte("--- SKIP: "+t.Name())):
		testutil.SkipOrFail(t, string(out))
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name())):
		t.Errorf("it has not run by itself:\n%s", out)
	}
	return false
}

// loopbackUp has the calling thread's network namespace carry packets.
func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// ownRoot runs f on a thread of its own whose root directory is a folder of this user's, with /proc
// in it and nothing else: in a user namespace the root directory is nobody's, and what outlives dlx
// may lie below none that others own.
func ownRoot(t *testing.T, f func() error) error {
	t.Helper()
	dir := t.TempDir()
	return nsutil.OnThread(func() error {
		if err := errors.Join(syscall.Unshare(syscall.CLONE_NEWNS), os.Mkdir(dir+"/proc", 0o755)); err != nil {
			return err
		}
		if err := syscall.Mount("/proc", dir+"/proc", "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return err
		}
		if err := errors.Join(syscall.Chroot(dir), syscall.Chdir("/")); err != nil {
			return err
		}
		return f()
	})
}
