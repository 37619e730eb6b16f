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

// apiLimit bounds one request to an engine: a stuck engine fails a test and does not stop it.
const apiLimit = 30 * time.Second

// Engine is a Docker engine that answers.
type Engine struct {
	// Client speaks to it in the API version both know.
	Client *client.Client
	// Host is its address in the form of DOCKER_HOST, such as unix:///var/run/docker.sock.
	Host string
}

// Env is the process's environment with DOCKER_HOST leading to this engine, for an exec.Cmd.
func (e *Engine) Env(environ []string) []string {
	return append(slices.Clip(environ), "DOCKER_HOST="+e.Host)
}

func (e *Engine) close(t testing.TB) func() {
	t.Helper()
	return func() {
		if err := e.Client.Close(); err != nil {
			t.Errorf("close engine client: %v", err)
		}
	}
}

// request is the context of one call to the engine. It outlives the test's own context, so that
// clean-up can use it.
func request(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), apiLimit)
	t.Cleanup(cancel)
	return ctx
}

// unique makes a name that no other test, also of another process, uses.
func unique(prefix string) string { return prefix + strings.ToLower(rand.Text()[:10]) }
