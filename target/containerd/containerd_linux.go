package containerd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"dlx/internal/printable"
	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// Scheme is the runtime's in `containerd://NAME`.
const Scheme = "containerd"

// DefaultSocket is where containerd is by its own defaults.
const DefaultSocket = "/run/containerd/containerd.sock"

// requestLimit bounds each question to the runtime, which may hang when the host is in trouble.
const requestLimit = 20 * time.Second

// Options say where the runtime is. Zero values are containerd's own defaults.
type Options struct {
	Socket string
	State  string // its state directory; the socket's folder
}

// Runtime speaks to containerd on this host.
type Runtime struct {
	client        *grpcwire.Client
	socket, state string
	limit         time.Duration // of each question
}

var _ target.Runtime = (*Runtime)(nil)

// New asks nothing yet. A runtime that is not there is the error of each question.
func New(o Options) *Runtime {
	if o.Socket == "" {
		o.Socket = DefaultSocket
	}
	if o.State == "" {
		o.State = filepath.Dir(o.Socket)
	}
	return &Runtime{grpcwire.New(o.Socket), o.Socket, o.State, requestLimit}
}

// Scheme is "containerd".
func (*Runtime) Scheme() string { return Scheme }

// Owner is root.
func (*Runtime) Owner() int { return 0 }

// Close ends what is being asked, and closes the connections.
func (r *Runtime) Close() error { return r.client.Close() }

// Health returns the version of the runtime, and where it is.
func (r *Runtime) Health(ctx context.Context) (line string, err error) {
	const what = "ask the runtime for its version"
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	answer, err := r.call(ctx, what, "", "version.v1.Version/Version", nil)
	if err != nil {
		return "", err
	}
	err = grpcwire.Fields(answer, func(f grpcwire.Field) error {
		if f.Number == 1 {
			line = fmt.Sprintf("%.64s at %s", printable.Escape(f.Text()), r.socket)
		}
		return nil
	})
	if err == nil && line == "" {
		err = errors.New("no version in the answer")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return line, nil
}

// request is a question in one of containerd's namespaces, or about none.
func request(namespace, method string, message []byte) grpcwire.Request {
	req := grpcwire.Request{Method: "/containerd.services." + method, Message: message}
	if namespace != "" {
		req.Metadata = map[string]string{"containerd-namespace": namespace}
	}
	return req
}

// call asks one question.
func (r *Runtime) call(ctx context.Context, what, namespace, method string, message []byte) ([]byte, error) {
	answer, err := r.client.Call(ctx, request(namespace, method, message))
	if err != nil {
		return nil, r.client.Explain(err, what)
	}
	return answer, nil
}
