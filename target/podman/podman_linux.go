package podman

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"dlx/target"
)

// Scheme is the runtime's in `podman://NAME`.
const Scheme = "podman"

// Options say where a Podman listens, and whose it is.
type Options struct {
	Socket string // its path
	Owner  int    // the user, by number; nobody else's process is spoken to
}

// Runtime speaks to a Podman of this host. What the Podman of another user than root says is that
// user's word: see Rootfs.
type Runtime struct {
	options Options
	limit   time.Duration // of each question
	most    int           // bytes of an answer
	http    *http.Transport
	ctx     context.Context // of all questions
	stop    context.CancelFunc
	use     sync.RWMutex // held by who asks; Close waits for them
}

var _ target.Runtime = (*Runtime)(nil)

// New asks nothing yet. A Podman may not be there: then that is the error of each question.
func New(o Options) *Runtime {
	r := &Runtime{options: o, limit: requestLimit, most: answerLimit}
	if o.Owner != 0 {
		r.most = userLimit
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.http = &http.Transport{
		DialContext:            o.dial,
		DisableCompression:     true,
		MaxResponseHeaderBytes: headerLimit,
		IdleConnTimeout:        idleLimit,
	}
	return r
}

// idleLimit is how long a connection is kept for the next question. A Podman that systemd starts
// for its socket ends 5 s after the last one (podman-system-service(1)).
const idleLimit = 2 * time.Second

// Scheme is "podman".
func (*Runtime) Scheme() string { return Scheme }

// Owner is the user that Podman runs as.
func (r *Runtime) Owner() int { return r.options.Owner }

// ref names a container of this Podman.
func (r *Runtime) ref(id string) target.Ref {
	c := target.Info{Runtime: Scheme, ID: id, Owner: r.options.Owner}
	return c.Ref()
}

// Close ends what is being asked, and releases the connections: none is made afterwards.
func (r *Runtime) Close() error {
	r.stop()
	r.use.Lock()
	defer r.use.Unlock()
	r.http.CloseIdleConnections()
	return nil
}

// Health returns Podman's version and where it is. Its own answers to that question (/version and
// /info) take it seconds: the version is in the head of each answer.
func (r *Runtime) Health(ctx context.Context) (line string, err error) {
	err = r.ask(ctx, "ask Podman for its version", "/libpod/_ping", errorLimit, func(version string, _ []byte) error {
		line = fmt.Sprintf("%s at %s", version, r.options.Socket)
		if r.options.Owner != 0 {
			line += fmt.Sprintf(" (user %d)", r.options.Owner)
		}
		return nil
	})
	return line, err
}
