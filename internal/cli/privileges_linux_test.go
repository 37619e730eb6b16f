package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/linux"
	"dlx/internal/testutil"
	"dlx/shell"
)

// TestPrivileges: a verb has what its row of the table says, on every thread, and nothing that it
// starts has more. SECURITY.md has the same table.
func TestPrivileges(t *testing.T) {
	testutil.RequireRoot(t)
	dlx := testutil.BuildDlx(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	own, err := linux.Effective()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := shell.FindProfile("baseline")
	if err != nil {
		t.Fatal(err)
	}
	caps, err := profile.Capabilities()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args       []string
		want       linux.CapSet
		noNewPrivs string
	}{
		"capture":  {[]string{"capture", c.ID, "-w", filepath.Join(t.TempDir(), "x.pcapng")}, verbPrivileges["capture"], "1"},
		"debug":    {[]string{"debug", c.ID, "--profile", "baseline", "--", "sleep", "1000"}, verbPrivileges["debug"] | caps, "1"},
		"sysadmin": {[]string{"debug", c.ID, "--profile", "sysadmin", "--", "sleep", "1000"}, own, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), dlx, tt.args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Signal(syscall.SIGTERM)
				_ = cmd.Wait()
			}()
			want := fmt.Sprintf("CapPrm %016x NoNewPrivs %s", uint64(tt.want&own), tt.noNewPrivs)
			testutil.Wait(t, want, time.Minute, func() bool {
				states := threadStates(cmd.Process.Pid)
				return len(states) > 0 && !slices.ContainsFunc(states, func(s string) bool { return s != want })
			})
		})
	}
	text, err := os.ReadFile(filepath.Join(testutil.ModuleRoot(t), "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	for verb, caps := range verbPrivileges {
		if row := fmt.Sprintf("| `dlx %s` | %s |", verb, strings.Join(caps.Names(), ", ")); !strings.Contains(string(text), row) {
			t.Errorf("SECURITY.md has no row %s", row)
		}
	}
}

// threadStates are the privileges of a process's threads.
func threadStates(pid int) (states []string) {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/status")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := map[string]string{}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(line, ":")
			fields[key] = strings.TrimSpace(value)
		}
		states = append(states, "CapPrm "+fields["CapPrm"]+" NoNewPrivs "+fields["NoNewPrivs"])
	}
	return states
}
