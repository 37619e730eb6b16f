// Package agenttest runs agents' servers for tests.
package agenttest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"dlx/agent/proto/protoconnect"
	"dlx/agent/server"
	"dlx/agent/tlsid"
	"dlx/internal/testutil"
)

// stopLimit is how long a server may take to stop on a busy machine.
const stopLimit = 30 * time.Second

// Serve runs a server at a socket for the length of a test.
func Serve(t testing.TB, o server.Options) (s *server.Server, socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "agent.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s = server.New(o)
	serve(t, s, func() error { return s.Serve(l) })
	return s, socket
}

// ServeTLS is Serve on a port of 127.0.0.1, for who shows a certificate.
func ServeTLS(t testing.TB, o server.Options, files tlsid.Files) (address string) {
	t.Helper()
	certificates, err := tlsid.ServerConfig(files, func(err error) { t.Errorf("certificates: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(o)
	serve(t, s, func() error { return s.ServeTLS(l, certificates) })
	return l.Addr().String()
}

func serve(t testing.TB, s *server.Server, listen func() error) {
	served := make(chan error, 1)
	go func() { served <- listen() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), <-served); err != nil {
			t.Error(err)
		}
	})
}

// Answer has anything answer at a socket that speaks the protocol, without a server's care.
func Answer(t testing.TB, agent protoconnect.AgentHandler) (socket string) {
	t.Helper()
	rpc := connect.NewServer()
	protoconnect.RegisterAgentHandler(rpc, agent)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, rpc)
	return testutil.ServeHTTP2(t, mux)
}
