package engine_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/engine"
	"dlx/internal/testutil"
)

// TestGroupsKept: in a user namespace that somebody without privileges has made nobody can set
// groups, and a session there has the process's. One of them takes a right away, which the session
// does not have either.
func TestGroupsKept(t *testing.T) {
	testutil.RequireRoot(t)
	const user, barred = 4321, 4322
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755),
		os.WriteFile(file, []byte("secret"), 0o600), os.Chown(file, 0, barred), os.Chmod(file, 0o604))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testutil.RequireTool(t, "unshare"), "-U", "--map-root-user", "sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user, Groups: []uint32{user, barred}}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	testutil.Wait(t, "the user namespace", time.Minute, func() bool {
		uids, err := os.ReadFile(fmt.Sprintf("/proc/%d/uid_map", cmd.Process.Pid))
		comm, cerr := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid))
		return errors.Join(err, cerr) == nil && strings.Contains(string(uids), fmt.Sprint(user)) && string(comm) == "sleep\n"
	})
	req := engine.DebugRequest{
		Target: fmt.Sprintf("pid://%d", cmd.Process.Pid), Profile: "general",
		Command: []string{"sh", "-c", "id -G; cat " + file + " 2>&1; true"},
	}
	told, out := restrained(t, newLocal(t), req)
	if !told.GroupsKept || !strings.Contains(told.String(), "the process's supplementary groups") {
		t.Errorf("what is told of it: %s", told)
	}
	if strings.Contains(out, "secret") || !strings.Contains(out, "Permission denied") {
		t.Errorf("the session reads what the process may not: %s", out)
	}
	image := testutil.Image(t, "sleep", testutil.Busybox(t))
	c := testutil.Run(t, testutil.RunOptions{Image: image, Cmd: []string{"/bin/busybox", "sleep", "1000"}, NetworkMode: testutil.SharedNetwork(t)})
	if told, _ := restrained(t, newLocal(t), engine.DebugRequest{Target: c.ID, Command: []string{"true"}}); told.GroupsKept {
		t.Error("a container's session can not set groups")
	}
}
