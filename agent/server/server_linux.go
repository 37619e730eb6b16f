package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"

	"dlx/agent/captures"
	"dlx/agent/identity"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/tlsid"
	"dlx/agent/trace"
	"dlx/engine"
	"dlx/target"
)

// Options are a server's. Its owner closes the engine, whose gate learns from package identity who
// asks.
type Options struct {
	Engine  engine.Engine
	Version string
	Log     *slog.Logger // nil: nothing is told
	// Allow says whether the context's caller may have something that no gate is asked about: a
	// verb of the agent's own, with the container that is to be listed, if it is about one. Without
	// it everything may be had.
	Allow func(ctx context.Context, verb string, c *target.Info) error
	// Enter says whether a caller may ask for anything at all about a target, before it is looked
	// for; nil: everybody may.
	Enter func(caller *identity.Caller) error
	// Captures are those that go on without their clients; without it there are none.
	Captures *captures.Store
	// Note records what is done with such a capture, before it is done; nil: nobody does.
	Note func(ctx context.Context, e CaptureEvent) error
	// Record reads what was recorded, for who may see that; nil: there is none.
	Record ReadRecord
	// Watch is asked for each call who is told of it, in which context; nil: nobody is.
	Watch func(ctx context.Context, w *Work) (context.Context, Watch)
}

// Server lets others use an engine.
type Server struct {
	o       Options
	http    *http.Server
	works   works
	callers *crowd[string] // who have calls under way
	kept    sync.WaitGroup // captures that go on without their clients

	certificates *tlsid.Reloader // of ServeTLS
}

// Bounds of a connection. A client that answers nothing for both of the pings' times has gone.
const (
	headerLimit = 10 * time.Second
	idleLimit   = 5 * time.Minute
	pingAfter   = 5 * time.Second
	pingLimit   = 5 * time.Second
	maxHeader   = 16 << 10
	maxMessage  = 4 << 20
	maxStreams  = 250
)

// New is a server that does not listen yet.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, works: works{all: map[string]*Work{}}, callers: newCrowd[string](maxCalls)}
	rpc := connect.NewServer()
	protoconnect.RegisterAgentHandler(rpc, handler{s})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, rpc, connecthttp.WithReadMaxBytes(maxMessage),
		connecthttp.WithCodecs(connectproto.NewBinaryCodec()), connecthttp.WithCompressors())
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	s.http = &http.Server{
		Handler:   s.known(mux),
		Protocols: protocols,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: pingAfter, PingTimeout: pingLimit, WriteByteTimeout: pingAfter + pingLimit, MaxConcurrentStreams: maxStreams,
		},
		ReadHeaderTimeout: headerLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       s.meet,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// ServeTLS is Serve for connections that show a certificate, as a reloader of certificates judges
// them. It is called once.
func (s *Server) ServeTLS(l net.Listener, certificates *tlsid.Reloader) error {
	s.certificates = certificates
	return s.Serve(certificates.Listener(l, func(from net.Addr, err error) {
		s.o.Log.Warn("a connection is refused", "from", from.String(), "error", err)
	}))
}

// Serve takes connections of a listener until Shutdown. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(&orderly{l, newCrowd[int](maxConns)}); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}

// ErrShutdown is why work ends when the agent does.
var ErrShutdown = errors.New("the agent is being stopped")

// Shutdown takes no more work, has what is under way end as a session's time would end it, and
// returns when all has ended, or ctx has.
func (s *Server) Shutdown(ctx context.Context) error {
	s.works.close(ErrShutdown)
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the agent: %w", err), s.http.Close())
	}
	return errors.Join(err, s.waitKept(ctx))
}

// EndAll ends what is under way.
func (s *Server) EndAll(why error) { s.works.endAll(why) }

type metKey struct{}

// met is who is at the other end of a connection, or why that is not known.
type met struct {
	caller *identity.Caller
	err    error
}

// meet finds out who has connected.
func (s *Server) meet(ctx context.Context, conn net.Conn) context.Context {
	m := &met{err: errors.New("a connection of this kind tells nobody's name")}
	switch conn := conn.(type) {
	case *counted:
		m.caller, m.err = identity.Peer(conn.UnixConn)
	case *tls.Conn:
		state := conn.ConnectionState()
		m.caller, m.err = tlsid.Caller(&state, conn.RemoteAddr().String())
	}
	return context.WithValue(ctx, metKey{}, m)
}

// known lets calls through of who is known, in gRPC's own form.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := trace.WithParent(r.Context(), r.Header.Get("Traceparent"))
		m, _ := ctx.Value(metKey{}).(*met)
		if m == nil || m.err != nil || m.caller == nil {
			s.o.Log.WarnContext(ctx, "a connection of nobody who is known", "from", r.RemoteAddr, "error", m.err)
			http.Error(w, "nobody is known there", http.StatusUnauthorized)
			return
		}
		if r.ProtoMajor != 2 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			http.Error(w, "an agent speaks gRPC", http.StatusUnsupportedMediaType)
			return
		}
		leave, ok := s.callers.enter(m.caller.ID())
		if !ok {
			connecthttp.NewErrorWriter().Write(w, r, s.reject(identity.With(ctx, m.caller), "", tooMany(m.caller))) //nolint:errcheck // the client has gone, then
			return
		}
		defer leave()
		if r.TLS != nil {
			watched, stop := s.certificates.Watch(ctx, r.TLS)
			defer stop()
			ctx = watched
			if err := context.Cause(ctx); err != nil {
				http.Error(w, "the certificate is not valid any more", http.StatusUnauthorized)
				return
			}
		}
		defer s.panicked(ctx)
		g := &guard{wire: http.NewResponseController(w), own: connection(r), tls: r.TLS}
		defer g.close()
		next.ServeHTTP(w, r.WithContext(context.WithValue(identity.With(ctx, m.caller), guardKey{}, g)))
	})
}

// panicked tells of a call that has panicked, which cuts it off: net/http would tell of it among
// what clients can have it say, which the log leaves out.
func (s *Server) panicked(ctx context.Context) {
	why := recover()
	if why == nil {
		return
	}
	s.o.Log.ErrorContext(ctx, "a call has panicked", "panic", fmt.Sprint(why), "stack", string(debug.Stack()))
	panic(http.ErrAbortHandler)
}

// connection is a call's own TCP connection, as captures are to leave it out; nil if it has none.
func connection(r *http.Request) []engine.Connection {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if !ok || err != nil {
		return nil
	}
	near := local.AddrPort()
	return []engine.Connection{{
		Local:  netip.AddrPortFrom(near.Addr().Unmap(), near.Port()),
		Remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()),
	}}
}

// ended says whether a stream's end is its client's wish.
func ended(err error) bool { return errors.Is(err, io.EOF) }
