package grpcwire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// MaxMessage is the most bytes of one message, as containerd and the kubelet have it for theirs.
const MaxMessage = 16 << 20

// maxHeader is the most bytes of an answer's headers, and of its trailers.
const maxHeader = 64 << 10

// Client speaks to the server at one socket. All of its methods may be called at once.
type Client struct {
	transport *http.Transport
	conns     connections
	ctx       context.Context // of all calls
	stop      context.CancelFunc
	use       sync.RWMutex // held by who calls; Close waits for them
}

// New is a client of the server at a socket. The first call connects to it.
func New(socket string) *Client {
	c := &Client{conns: connections{socket: socket}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.transport = &http.Transport{
		Protocols:              new(http.Protocols),
		DialContext:            c.conns.dial,
		DisableCompression:     true, // a small answer could become a large one
		MaxResponseHeaderBytes: maxHeader,
		HTTP2:                  &http.HTTP2Config{StrictMaxConcurrentRequests: true}, // no connection for each stream that is not allowed
	}
	c.transport.Protocols.SetUnencryptedHTTP2(true)
	return c
}

// Close ends all calls and streams, and closes the connections.
func (c *Client) Close() error {
	c.stop()
	c.use.Lock()
	defer c.use.Unlock()
	c.transport.CloseIdleConnections()
	return c.conns.close()
}

// Request is what is asked for.
type Request struct {
	Method   string            // /SERVICE/METHOD
	Metadata map[string]string // headers, in lower case
	Message  []byte
}

// Call returns the one message with which a server answers. The status that it gives instead is a
// *StatusError; a socket that can not be connected to is a *net.OpError of "dial".
func (c *Client) Call(ctx context.Context, r Request) (message []byte, err error) {
	c.use.RLock()
	defer c.use.RUnlock()
	s, err := c.Stream(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if message, err = s.Next(); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: no message in the answer", r.Method)
	} else if err != nil {
		return nil, err
	}
	switch _, err = s.Next(); {
	case errors.Is(err, io.EOF):
		return message, nil
	case err == nil:
		return nil, fmt.Errorf("%s: more than one message in the answer", r.Method)
	}
	return nil, err
}

// Stream is the messages with which a server answers. Its owner closes it.
type Stream struct {
	method   string
	response *http.Response
	end      func()
}

// Stream returns when a server's answer begins, which may not be before its first message. Its
// context is that of the whole stream.
func (c *Client) Stream(ctx context.Context, r Request) (*Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	unlink := context.AfterFunc(c.ctx, cancel)
	s := &Stream{method: r.Method, end: func() { unlink(); cancel() }}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+r.Method, bytes.NewReader(frame(r.Message)))
	if err != nil {
		s.end()
		return nil, fmt.Errorf("call %s: %w", r.Method, err)
	}
	for key, value := range r.Metadata {
		req.Header.Set(key, value)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	if s.response, err = c.transport.RoundTrip(req); err != nil { //nolint:bodyclose // Stream.Close does
		s.end()
		return nil, fmt.Errorf("call %s: %w", r.Method, err)
	}
	if err := s.check(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// check looks at the headers. A server that has nothing to say but a status gives it there.
func (s *Stream) check() error {
	if s.response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: the answer is HTTP's status %d", s.method, s.response.StatusCode)
	}
	if kind := s.response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/grpc") {
		return fmt.Errorf("%s: the answer is no gRPC, but %.40q", s.method, kind)
	}
	if err := statusOf(s.response.Header); err != nil && !errors.Is(err, errNoStatus) {
		return fmt.Errorf("%s: %w", s.method, err)
	}
	return nil
}

// Next returns the next message, and io.EOF after the last.
func (s *Stream) Next() ([]byte, error) {
	message, err := readMessage(s.response.Body)
	switch {
	case err == nil:
		return message, nil
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read the answer of %s: %w", s.method, err)
	}
	err = statusOf(s.response.Trailer)
	if errors.Is(err, errNoStatus) {
		err = statusOf(s.response.Header)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.method, err)
	}
	return nil, io.EOF
}

// Close ends the stream.
func (s *Stream) Close() error {
	s.end()
	return s.response.Body.Close()
}
