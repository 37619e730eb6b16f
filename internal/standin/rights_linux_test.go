package standin

import (
	"errors"
	"testing"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/testutil"
	"dlx/target"
)

// TestRights: nobody has more than a container has by default, and who has less keeps that.
func TestRights(t *testing.T) {
	testutil.RequireRoot(t)
	full := linux.Caps(linux.CapChown, linux.CapDacOverride, linux.CapFsetid, linux.CapFowner, linux.CapMknod, linux.CapNetRaw, linux.CapSetgid, linux.CapSetuid,
		linux.CapSetfcap, linux.CapSetpcap, linux.CapNetBindService, linux.CapSysChroot, linux.CapKill, linux.CapAuditWrite)
	for name, tt := range map[string]struct {
		still target.Still
		want  linux.CapSet
	}{
		"default":      {target.Still{}, full},
		"all dropped":  {target.Still{Only: []string{}}, 0},
		"all but some": {target.Still{Only: []string{"CHOWN", "CAP_KILL", "SYS_ADMIN", "CAP_NONSENSE"}}, linux.Caps(linux.CapChown, linux.CapKill)},
		"some dropped": {target.Still{Without: []string{"CAP_NET_RAW", "mknod"}}, full &^ linux.Caps(linux.CapNetRaw, linux.CapMknod)},
		"privileged":   {target.Still{Only: []string{"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"}}, 0},
	} {
		got, err := rightsOf(&tt.still)
		if err != nil || got.caps != tt.want {
			t.Errorf("%s: %v, %v, want %v", name, got.caps.Names(), err, tt.want.Names())
		}
	}
}

// TestLabelFor: where a module confines containers, nothing runs without a label.
func TestLabelFor(t *testing.T) {
	for _, tt := range []struct{ module, label, want string }{
		{"", "", ""}, {"", "docker-default", ""}, {"AppArmor", "", "docker-default"}, {"AppArmor", "unconfined", "docker-default"}, {"AppArmor", "own", "own"},
		{"SELinux", "system_u:system_r:container_t:s0:c1,c2", "system_u:system_r:container_t:s0:c1,c2"},
	} {
		if got, err := labelFor(&target.Still{Label: tt.label}, tt.module); err != nil || got != tt.want {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
	if _, err := labelFor(&target.Still{}, "SELinux"); !errors.Is(err, fault.NoStill) {
		t.Errorf("without a label under SELinux: %v", err)
	}
}
