package tlsid

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds of connections that nobody is known of yet. What is beyond them is closed at once.
const (
	handshakeLimit = 10 * time.Second
	maxPending     = 512
	maxPendingFrom = 256 // an address; of IPv6, a network of one user
)

// closeAfter is how long a connection stays open once its certificate is valid no more: Watch ends
// its work at once, and work that ends can say so.
const closeAfter = time.Second

// listener does the handshakes.
type listener struct {
	net.Listener
	r       *Reloader
	config  *tls.Config
	refused func(net.Addr, error)
	out     chan accepted
	closed  chan struct{}
	close   sync.Once
	ctx     context.Context // of handshakes
	cancel  context.CancelFunc
	under   sync.WaitGroup

	mu      sync.Mutex
	pending int
	from    map[netip.Prefix]int
}

type accepted struct {
	conn net.Conn
	err  error
}

// Listener takes connections of another one, which it closes with itself. Accept's are *tls.Conn
// whose handshake is done and whose user is known; one is closed soon after its certificate is
// valid no more. refused, if it is not nil, hears of the others, as often as there are any.
func (r *Reloader) Listener(inner net.Listener, refused func(from net.Addr, err error)) net.Listener {
	if refused == nil {
		refused = func(net.Addr, error) {}
	}
	l := &listener{
		Listener: inner, r: r, config: r.Config(), refused: refused, out: make(chan accepted), closed: make(chan struct{}),
		from: map[netip.Prefix]int{},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.under.Go(l.run)
	return l
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case a := <-l.out:
		return a.conn, a.err
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: l.Addr().Network(), Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close returns when all handshakes have ended. Connections that were accepted stay open.
func (l *listener) Close() (err error) {
	l.close.Do(func() {
		close(l.closed)
		l.cancel()
		err = l.Listener.Close()
		l.under.Wait()
	})
	return err
}

// run accepts. Who calls Accept gets its errors, and waits before the next if need be (net/http).
func (l *listener) run() {
	for {
		conn, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			if !l.give(accepted{err: err}) {
				return
			}
			continue
		}
		at := network(conn.RemoteAddr())
		if err := l.begin(at); err != nil {
			_ = conn.Close() // nothing was said on it
			l.refused(conn.RemoteAddr(), err)
			continue
		}
		l.under.Go(func() {
			defer l.end(at)
			l.handshake(conn)
		})
	}
}

// give hands something to Accept, and says whether there was one.
func (l *listener) give(a accepted) bool {
	select {
	case l.out <- a:
		return true
	case <-l.closed:
		return false
	}
}

// handshake finds out who has connected.
func (l *listener) handshake(raw net.Conn) {
	ctx, cancel := context.WithTimeout(l.ctx, handshakeLimit)
	defer cancel()
	inner := &watched{Conn: raw}
	conn := tls.Server(inner, l.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // nobody is known on it
		l.refused(raw.RemoteAddr(), fmt.Errorf("handshake: %w", err))
		return
	}
	state := conn.ConnectionState()
	inner.watch(l.r.watches.add(&state, func(err error) {
		l.refused(raw.RemoteAddr(), fmt.Errorf("end the connection: %w", err))
		time.AfterFunc(closeAfter, func() { _ = raw.Close() }) // also of one that is closed
	}))
	if !l.give(accepted{conn: conn}) {
		_ = conn.Close() // nobody is there for it
	}
}

// begin counts a handshake, or says why there is none.
func (l *listener) begin(at netip.Prefix) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.pending >= maxPending:
		return fmt.Errorf("%d handshakes are under way already", l.pending)
	case l.from[at] >= maxPendingFrom:
		return fmt.Errorf("%d handshakes from there are under way already", l.from[at])
	}
	l.pending++
	l.from[at]++
	return nil
}

func (l *listener) end(at netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending--
	if l.from[at]--; l.from[at] == 0 {
		delete(l.from, at)
	}
}

// network is what one user has of addresses: one, or a /64 of IPv6 (RFC 6177).
func network(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // it has as many
	return p
}
