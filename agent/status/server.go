package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Check is something that has to be so: nil, or why it is not. Its name is all that others are
// told of it.
type Check struct {
	Name string
	Err  func(ctx context.Context) error
}

// Options are a server's.
type Options struct {
	Metrics io.WriterTo
	Alive   []Check // /healthz
	Ready   []Check // /readyz
	Log     *slog.Logger
}

// Bounds of who asks. A check that is not done within checkLimit has failed.
const (
	readLimit  = 5 * time.Second
	writeLimit = 15 * time.Second
	idleLimit  = time.Minute
	checkLimit = 3 * time.Second
	maxHeader  = 4 << 10
	maxConns   = 32
)

// Server answers GET and HEAD of /metrics, /healthz and /readyz, by HTTP/1.1 without encryption.
type Server struct {
	o    Options
	http *http.Server
}

// New is a server that does not listen yet.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o}
	mux := http.NewServeMux() // not http's own, which any package may have added to
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { s.checks(w, r, o.Alive) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { s.checks(w, r, o.Ready) })
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: readLimit, ReadTimeout: readLimit, WriteTimeout: writeLimit, IdleTimeout: idleLimit,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// Serve takes connections of a listener until Close. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(netutil.LimitListener(l, maxConns)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}

// Close ends all connections.
func (s *Server) Close() error { return s.http.Close() }

func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	plain(w, "text/plain; version=0.0.4; charset=utf-8")
	_, _ = s.o.Metrics.WriteTo(w) // who has gone is not told
}

// checks tells how each check is: the status is 200 if all are as they should be, and 503 if not.
func (s *Server) checks(w http.ResponseWriter, r *http.Request, checks []Check) {
	ctx, cancel := context.WithTimeout(r.Context(), checkLimit)
	defer cancel()
	status, text := http.StatusOK, ""
	for _, c := range checks {
		word := "ok"
		if err := c.Err(ctx); err != nil {
			s.o.Log.DebugContext(ctx, "a check has failed", "check", c.Name, "error", err)
			status, word = http.StatusServiceUnavailable, "failed"
		}
		text += c.Name + ": " + word + "\n"
	}
	plain(w, "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func plain(w http.ResponseWriter, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}
