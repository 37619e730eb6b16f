package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"

	"dlx/agent/identity"
	"dlx/agent/proto/protoconnect"
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
}

// Server lets others use an engine.
type Server struct {
	o     Options
	http  *http.Server
	works works
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
	s := &Server{o: o, works: works{all: map[string]*Work{}, calls: map[string]int{}}}
	rpc := connect.NewServer()
	protoconnect.RegisterAgentHandler(rpc, handler{s})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, rpc, connecthttp.WithReadMaxBytes(maxMessage),
		connecthttp.WithCodecs(connectproto.NewBinaryCodec()), connecthttp.WithCompressors())
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
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

// Serve takes connections of a listener until Shutdown. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
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
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop the agent: %w", err), s.http.Close())
	}
	return nil
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
	if local, ok := conn.(*net.UnixConn); ok {
		m.caller, m.err = identity.Peer(local)
	}
	return context.WithValue(ctx, metKey{}, m)
}

// known lets calls through of who is known, in gRPC's own form.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
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
		g := &guard{wire: http.NewResponseController(w)}
		defer g.close()
		next.ServeHTTP(w, r.WithContext(context.WithValue(identity.With(ctx, m.caller), guardKey{}, g)))
	})
}

// ended says whether a stream's end is its client's wish.
func ended(err error) bool { return errors.Is(err, io.EOF) }
