package testutil

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// apiLimit bounds one request to Docker: one that is stuck fails a test and does not stop it.
const apiLimit = 30 * time.Second

// Docker is a daemon that answers.
type Docker struct {
	// Client speaks to it in the API version both know.
	Client *client.Client
	// Host is its address in the form of DOCKER_HOST, such as unix:///var/run/docker.sock.
	Host string

	shared bool // with other tests
}

// Env is the process's environment with DOCKER_HOST leading to this one, for an exec.Cmd.
func (d *Docker) Env(environ []string) []string {
	return append(slices.Clip(environ), "DOCKER_HOST="+d.Host)
}

func (d *Docker) close(t testing.TB) func() {
	t.Helper()
	return func() {
		if err := d.Client.Close(); err != nil {
			t.Errorf("close Docker's client: %v", err)
		}
	}
}

// request is the context of one call to Docker. It outlives the test's own context, so that
// clean-up can use it.
func request(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), apiLimit)
	t.Cleanup(cancel)
	return ctx
}

// unique makes a name that no other test, also of another process, uses.
func unique(prefix string) string { return prefix + strings.ToLower(rand.Text()[:10]) }
