package testutil

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// noSkipEnv turns each skip for a missing requirement into a failure.
const noSkipEnv = "DLX_TEST_NO_SKIP"

// pingLimit bounds the question whether Docker answers.
const pingLimit = 5 * time.Second

// SkipOrFail skips the test because of reason. It fails the test where skips are forbidden.
func SkipOrFail(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(noSkipEnv) == "1" {
		t.Fatalf("requirement not met and %s=1: %s", noSkipEnv, reason)
	}
	t.Skip(reason)
}

// RequireRoot ends the test unless it runs with effective user ID 0.
func RequireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		SkipOrFail(t, "needs root")
	}
}

// RequireTool ends the test unless name is a program on PATH, whose path it returns.
func RequireTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		SkipOrFail(t, "needs "+name+": "+err.Error())
	}
	return path
}

// RequireDocker returns the Docker that DOCKER_HOST or the default socket leads to, and ends the
// test if none answers.
func RequireDocker(t testing.TB) *Docker {
	t.Helper()
	d, err := connect(client.FromEnv)
	if err != nil {
		SkipOrFail(t, "needs Docker: "+err.Error())
	}
	d.shared = true
	t.Cleanup(d.close(t))
	return d
}

// connect makes a client and asks Docker for a sign of life.
func connect(opts ...client.Opt) (*Docker, error) {
	c, err := client.New(opts...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), pingLimit)
	defer cancel()
	if _, err := c.Ping(ctx, client.PingOptions{}); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &Docker{Client: c, Host: c.DaemonHost()}, nil
}
