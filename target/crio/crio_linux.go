package crio

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dlx/internal/printable"
	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// Scheme is the runtime's in `crio://NAME`.
const Scheme = "crio"

// DefaultSocket is where CRI-O is by its own defaults (cri-o, pkg/config/config_unix.go).
const DefaultSocket = "/var/run/crio/crio.sock"

// requestLimit bounds each question to the runtime, which may hang when the host is in trouble.
const requestLimit = 20 * time.Second

// Options say where the runtime is. The zero value is CRI-O's own default.
type Options struct {
	Socket string
}

// Runtime speaks to CRI-O on this host.
type Runtime struct {
	client *grpcwire.Client
	socket string
	limit  time.Duration // of each question
	pace   time.Duration // from one look at what runs to the next
}

var _ target.Runtime = (*Runtime)(nil)

// New asks nothing yet. A runtime that is not there is the error of each question.
func New(o Options) *Runtime {
	if o.Socket == "" {
		o.Socket = DefaultSocket
	}
	return &Runtime{grpcwire.New(o.Socket), o.Socket, requestLimit, lookAgain}
}

// Scheme is "crio".
func (*Runtime) Scheme() string { return Scheme }

// Owner is root.
func (*Runtime) Owner() int { return 0 }

// Close ends what is being asked, and closes the connections.
func (r *Runtime) Close() error { return r.client.Close() }

// Health returns the name and version of the runtime, and where it is.
func (r *Runtime) Health(ctx context.Context) (string, error) {
	const what = "ask the runtime for its version"
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	answer, err := r.call(ctx, what, "Version", nil)
	if err != nil {
		return "", err
	}
	var name, version string
	err = grpcwire.Fields(answer, func(f grpcwire.Field) error {
		switch f.Number {
		case 2:
			name = f.Text()
		case 3:
			version = f.Text()
		}
		return nil
	})
	if err == nil && version == "" {
		err = errors.New("no version in the answer")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Sprintf("%.32s %.64s at %s", printable.Escape(name), printable.Escape(version), r.socket), nil
}

func request(method string, message []byte) grpcwire.Request {
	return grpcwire.Request{Method: "/runtime.v1.RuntimeService/" + method, Message: message}
}

// call asks one question.
func (r *Runtime) call(ctx context.Context, what, method string, message []byte) ([]byte, error) {
	answer, err := r.client.Call(ctx, request(method, message))
	if err != nil {
		return nil, r.client.Explain(err, what)
	}
	return answer, nil
}
