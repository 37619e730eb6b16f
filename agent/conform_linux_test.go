package agent_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"dlx/agent"
	"dlx/agent/agenttest"
	"dlx/agent/client"
	"dlx/agent/server"
	"dlx/engine"
	"dlx/engine/enginetest"
	"dlx/internal/role"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/docker"
)

// TestMain lets this program be what dlx starts itself as.
func TestMain(m *testing.M) {
	if code, ok := role.Other(os.Args); ok {
		os.Exit(code)
	}
	if code, ok := agent.TakeHanded(); ok {
		os.Exit(code)
	}
	os.Exit(testutil.Main(m))
}

const limit = 30 * time.Second

// TestConformance: an engine that is asked over a socket is told apart from one in this process by
// nobody.
func TestConformance(t *testing.T) {
	enginetest.RunOverWire(t, overSocket)
}

// TestConformanceOverTCP: nor is one that is asked over TCP, with certificates. What is left out is
// about containers and files alone, and nothing of it is longer, larger or more than what is not.
func TestConformanceOverTCP(t *testing.T) {
	enginetest.RunOverWire(t, overTCP, "targets", "inject", "inject toolboxes")
}

func TestHolds(t *testing.T) {
	enginetest.RunHolds(t, overSocket)
}

func overSocket(t *testing.T, p enginetest.Place) engine.Engine {
	local := localAt(p)
	return &remote{client.New(client.Options{Address: serve(t, local), Version: "test"}), local}
}

func overTCP(t *testing.T, p enginetest.Place) engine.Engine {
	a, local := newAuthority(t), localAt(p)
	return &remote{a.user(t, agenttest.ServeTLS(t, server.Options{Engine: local, Version: "test"}, a.files), "alice"), local}
}

func localAt(p enginetest.Place) engine.Engine {
	return engine.NewLocal(engine.LocalOptions{
		Runtimes: []target.Runtime{docker.New(docker.Options{Host: p.Docker})},
		State:    p.State, Configs: []string{p.Config}, HostFiles: true, KeepReady: true, Gate: p.Gate,
	})
}

// remote closes both ends' engines.
type remote struct {
	*client.Client
	local engine.Engine
}

func (r *remote) Close() error { return errors.Join(r.Client.Close(), r.local.Close()) }

// serve is an agent's address, for the length of a test.
func serve(t *testing.T, e engine.Engine) client.Address {
	t.Helper()
	_, socket := agenttest.Serve(t, server.Options{Engine: e, Version: "test"})
	a, err := client.ParseAddress("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
