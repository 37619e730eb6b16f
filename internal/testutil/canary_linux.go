package testutil

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Canary is a block device of the host's that nobody may read or write.
type Canary struct {
	Device       string
	Major, Minor string

	t    testing.TB
	file string // where its bytes are
}

// CanaryText is what the device is full of.
const CanaryText = "the host's own byte\n" // 20 bytes

// NewCanary makes a loop device, which goes when the test ends.
func NewCanary(t testing.TB) *Canary {
	t.Helper()
	losetup := RequireTool(t, "losetup")
	c := &Canary{t: t, file: filepath.Join(t.TempDir(), "canary")}
	if err := os.WriteFile(c.file, bytes.Repeat([]byte(CanaryText), 512*8), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), losetup, "--find", "--show", c.file).Output()
	if err != nil {
		t.Fatalf("losetup: %v", err)
	}
	c.Device = strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command(losetup, "--detach", c.Device).CombinedOutput(); err != nil {
			t.Errorf("losetup: %v: %s", err, out)
		}
	})
	number, err := exec.CommandContext(t.Context(), RequireTool(t, "stat"), "-c", "%Hr %Lr", c.Device).Output()
	if err != nil {
		t.Fatal(err)
	}
	c.Major, c.Minor, _ = strings.Cut(strings.TrimSpace(string(number)), " ")
	return c
}

// Number is the device's major and minor number, as mknod(1) takes them.
func (c *Canary) Number() string { return c.Major + " " + c.Minor }

// Check fails the test if anybody has written to the device; after says what was done.
func (c *Canary) Check(after string) {
	c.t.Helper()
	data, err := os.ReadFile(c.file)
	if err != nil {
		c.t.Fatal(err)
	}
	if !bytes.HasPrefix(data, []byte(CanaryText+CanaryText)) {
		c.t.Errorf("%s: the host's device was overwritten: %.60q", after, data)
	}
}
