package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sync/singleflight"

	"dlx/fault"
	"dlx/target"
)

// Scheme is the runtime's in `docker://NAME`.
const Scheme = "docker"

// requestLimit bounds each question to the runtime, which may hang when the host is in trouble.
const requestLimit = 20 * time.Second

// Options say where the runtime is. Zero values are Docker's own defaults.
type Options struct {
	Host       string // unix://PATH, as in DOCKER_HOST
	APIVersion string // as in DOCKER_API_VERSION; negotiated
}

// Runtime speaks to Docker on this host.
type Runtime struct {
	client      *client.Client
	socket      string
	err         error           // why there is nobody to ask
	ctx         context.Context // of what callers share
	stop        context.CancelFunc
	negotiation singleflight.Group
	negotiated  atomic.Bool
	use         sync.RWMutex // held by who asks; Close waits for them
}

var _ target.Runtime = (*Runtime)(nil)

// New begins to negotiate the API version beside what its caller does. A runtime may not be there,
// or be on another host, where processes have no numbers here (fault.RemoteRuntime): then that is
// the error of each question.
func New(o Options) *Runtime {
	r := &Runtime{}
	r.ctx, r.stop = context.WithCancel(context.Background())
	opts := []client.Opt{client.WithAPIVersion(o.APIVersion)}
	if o.Host != "" {
		opts = append(opts, client.WithHost(o.Host))
	}
	if r.client, r.err = client.New(opts...); r.err != nil {
		r.err = fmt.Errorf("set up the Docker client: %w", r.err)
		return r
	}
	scheme, socket, _ := strings.Cut(r.client.DaemonHost(), "://")
	if scheme != "unix" {
		r.err = fault.New(fault.RemoteRuntime, r.client.DaemonHost(), "the runtime at %s is not on this host", r.client.DaemonHost())
		return r
	}
	r.socket = socket
	r.negotiate()
	return r
}

// Scheme is "docker".
func (*Runtime) Scheme() string { return Scheme }

// Owner is root.
func (*Runtime) Owner() int { return 0 }

// Close ends what is being asked, and releases the connections: none is made afterwards.
func (r *Runtime) Close() error {
	r.stop()
	r.use.Lock()
	defer r.use.Unlock()
	if r.err == nil {
		<-r.negotiate()
	}
	if r.client == nil {
		return nil
	}
	return r.client.Close()
}

// negotiate finds out the version of the API, once for all who ask at the same time. Its end is
// nobody's but its own: the client would have its callers wait for one another.
func (r *Runtime) negotiate() <-chan singleflight.Result {
	return r.negotiation.DoChan("", func() (any, error) {
		if err := r.ctx.Err(); err != nil { // closed: a connection that is made now would stay
			return nil, err
		}
		ctx, cancel := context.WithTimeout(r.ctx, requestLimit)
		defer cancel()
		_, err := r.client.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
		r.negotiated.Store(err == nil)
		return nil, err
	})
}

// ask asks the runtime something when the version of the API is known, within a limit of time.
func (r *Runtime) ask(ctx context.Context, what string, f func(context.Context) error) error {
	if r.err != nil {
		return r.err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	r.use.RLock()
	defer r.use.RUnlock()
	defer context.AfterFunc(r.ctx, cancel)()
	if err := r.ctx.Err(); err != nil {
		return fmt.Errorf("%s: the runtime was closed: %w", what, err)
	}
	if !r.negotiated.Load() {
		select {
		case answer := <-r.negotiate():
			if answer.Err != nil {
				return r.explain(answer.Err, what)
			}
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
	if err := f(ctx); err != nil {
		return r.explain(err, what)
	}
	return nil
}

// explain tells a socket that may not be used from a Docker that is not there. The client does not
// keep the cause, so the socket is tried again.
func (r *Runtime) explain(err error, what string) error {
	if !client.IsErrConnectionFailed(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	conn, cause := net.DialTimeout("unix", r.socket, time.Second)
	switch {
	case cause == nil:
		return fmt.Errorf("%s: %w", what, errors.Join(err, conn.Close()))
	case errors.Is(cause, fs.ErrPermission):
		return fault.New(fault.SocketDenied, r.socket, "no permission on %s", r.socket)
	}
	return fault.New(fault.NoRuntime, r.socket, "no container runtime answers at %s", r.socket)
}

// Health returns the versions of the runtime and of the API, and where it is.
func (r *Runtime) Health(ctx context.Context) (line string, err error) {
	err = r.ask(ctx, "ask the runtime for its version", func(ctx context.Context) error {
		res, err := r.client.ServerVersion(ctx, client.ServerVersionOptions{})
		line = fmt.Sprintf("%s at %s (API %s)", res.Version, r.socket, r.client.ClientVersion())
		return err
	})
	return line, err
}
