package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/wire"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/pause"
)

// endLimit is how long a session or a capture may take to end once it was cancelled. What an agent
// takes no more, or never ends, is over then.
var endLimit = time.Minute // tests shorten it

// Debug is engine.Engine's.
func (c *Client) Debug(ctx context.Context, req engine.DebugRequest, streams engine.Streams) (int, error) {
	op := "debug"
	asked, err := wire.FromDebug(&req)
	if err == nil && protobuf.Size(asked) > maxRequest {
		err = fault.New(fault.EnvironmentTooBig, req.Target, "the command and its environment are too large for an agent: more than %d bytes", maxRequest)
	}
	if err != nil {
		return 0, fault.In(op, req.Target, err)
	}
	if err := ctx.Err(); err != nil {
		return 0, fault.In(op, req.Target, context.Cause(ctx))
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx)) // a session is told to end, and then seen to its end
	defer cancel()
	stream, err := c.rpc.Debug(own)
	if err != nil {
		return 0, c.failed(ctx, op, req.Target, err)
	}
	defer pause.Behind(ctx, endLimit, giveUp(cancel, stream))()
	d := &session{stream: stream, streams: streams, sum: sha256.New(), credit: make(chan int, 1), done: make(chan struct{}), gone: make(chan proto.Output, 2)}
	start := &proto.DebugStart{Request: asked, Stdin: streams.Stdin != nil, Reason: c.o.Reason}
	if err := stream.Send(&proto.DebugInput{Input: &proto.DebugInput_Start{Start: start}}); err != nil && !errors.Is(err, io.EOF) {
		_ = stream.Close()
		return 0, c.failed(ctx, op, req.Target, err)
	}
	d.senders.Go(func() { d.send(ctx) })
	from := make(chan received, 1)
	go func() { from <- d.receive() }()
	got := d.await(ctx, from)
	close(d.done)
	if got.err != nil {
		_ = stream.Close() // which lets go of who still sends
	}
	d.senders.Wait()
	_ = stream.CloseSend()
	_ = stream.Close()
	end, err := got.end, got.err
	if err != nil {
		return 0, c.failed(ctx, op, req.Target, err)
	}
	if err := d.check(end); err != nil {
		return 0, fault.In(op, req.Target, c.cut(err))
	}
	err = wire.ToError(end.GetFault(), context.Cause(ctx))
	return int(end.GetStatus()), fault.In(op, req.Target, errors.Join(err, d.lost))
}

// giveUp ends a stream whatever its other end does. While nothing is to be sent, the end of its
// context does not (net/http, http2clientStream.writeRequest).
func giveUp(cancel func(), stream interface{ Close() error }) func() {
	return func() {
		cancel()
		_ = stream.Close()
	}
}

// session is the client's side of one.
type session struct {
	stream  protoconnect.AgentDebugClientStream
	streams engine.Streams
	sum     hash.Hash // of all output
	bytes   uint64
	lost    error        // output that could not be written
	writing atomic.Int64 // since when, as nanoseconds of the epoch; 0: not

	senders sync.WaitGroup
	credit  chan int          // bytes of standard input that the agent takes
	gone    chan proto.Output // whose reader has gone away
	done    chan struct{}     // nothing more is to be sent
}

// send is the one sender: what is typed, what the terminal and the user's signals are, and that it
// is enough.
func (d *session) send(ctx context.Context) {
	typed := make(chan *proto.DebugInput)
	if d.streams.Stdin != nil {
		go d.read(typed)
	}
	resize, signals, cancelled := d.streams.Resize, d.streams.Signals, ctx.Done()
	for {
		var m *proto.DebugInput
		select {
		case <-d.done:
			return
		case m = <-typed:
		case stream := <-d.gone:
			m = &proto.DebugInput{Input: &proto.DebugInput_Gone{Gone: stream}}
		case size, ok := <-resize:
			if !ok {
				resize = nil
				continue
			}
			m = &proto.DebugInput{Input: &proto.DebugInput_Resize{Resize: &proto.WindowSize{Rows: uint32(size.Rows), Cols: uint32(size.Cols)}}}
		case sig, ok := <-signals:
			if !ok {
				signals = nil
				continue
			}
			m = &proto.DebugInput{Input: &proto.DebugInput_Signal{Signal: int32(sig)}}
		case <-cancelled:
			cancelled = nil
			m = &proto.DebugInput{Input: &proto.DebugInput_Cancel{Cancel: context.Cause(ctx).Error()}}
		}
		if err := d.stream.Send(m); err != nil {
			return // the receiver learns why
		}
	}
}

// maxInput is how much of standard input a message has at most.
const maxInput = 32 << 10

// read reads standard input, as far as the agent takes it. It ends when standard input does: its
// owner has to see to that.
func (d *session) read(typed chan<- *proto.DebugInput) {
	buf, left := make([]byte, maxInput), 0
	for {
		for left == 0 {
			select {
			case left = <-d.credit:
			case <-d.done:
				return
			}
		}
		n, err := d.streams.Stdin.Read(buf[:min(left, maxInput)])
		left -= n
		if n > 0 && !d.typed(typed, &proto.DebugInput{Input: &proto.DebugInput_Stdin{Stdin: bytes.Clone(buf[:n])}}) {
			return
		}
		if err != nil {
			d.typed(typed, &proto.DebugInput{Input: &proto.DebugInput_StdinEnd{StdinEnd: true}})
			return
		}
	}
}

func (d *session) typed(to chan<- *proto.DebugInput, m *proto.DebugInput) bool {
	select {
	case to <- m:
		return true
	case <-d.done:
		return false
	}
}

// received is how a session has ended.
type received struct {
	end *proto.DebugEnd
	err error
}

// drainLimit is how long who reads the output may take nothing of it once the session was
// cancelled.
const drainLimit = 2 * time.Second

// await waits for the end. A reader that takes nothing makes it wait until ctx ends, and up to the
// limit once more; it is left behind then, with who writes for it.
func (d *session) await(ctx context.Context, from <-chan received) received {
	select {
	case r := <-from:
		return r
	case <-ctx.Done():
	}
	tick := time.NewTicker(drainLimit / 10)
	defer tick.Stop()
	for {
		select {
		case r := <-from:
			return r
		case <-tick.C:
			if since := d.writing.Load(); since != 0 && time.Since(time.Unix(0, since)) > drainLimit {
				return received{err: context.Cause(ctx)}
			}
		}
	}
}

// receive takes what the agent sends until the end.
func (d *session) receive() received {
	for {
		m, err := d.stream.Receive()
		if err != nil {
			return received{err: err}
		}
		switch out := m.GetOutput().(type) {
		case *proto.DebugOutput_Stdout:
			d.write(d.streams.Stdout, proto.Output_OUTPUT_STDOUT, out.Stdout)
		case *proto.DebugOutput_Stderr:
			d.write(d.streams.Stderr, proto.Output_OUTPUT_STDERR, out.Stderr)
		case *proto.DebugOutput_StdinCredit:
			d.allow(int(min(out.StdinCredit, maxCredit)))
		case *proto.DebugOutput_End:
			return received{end: out.End}
		default:
			d.told(m)
		}
	}
}

// maxCredit is more than an agent ever gives.
const maxCredit = 1 << 20

// allow adds to the credit that nobody has taken yet.
func (d *session) allow(n int) {
	select {
	case more := <-d.credit:
		n += more
	default:
	}
	d.credit <- min(n, maxCredit)
}

// told passes on what the session is and will be. What is not known is from a newer agent.
func (d *session) told(m *proto.DebugOutput) {
	s := &d.streams
	switch out := m.GetOutput().(type) {
	case *proto.DebugOutput_Started:
		call(s.Started)
	case *proto.DebugOutput_Began:
		call(s.Began)
	case *proto.DebugOutput_Still:
		tell(s.Still, wire.ToStill(out.Still))
	case *proto.DebugOutput_Placed:
		tell(s.Placed, wire.Each(out.Placed.GetToolboxes(), wire.ToPart))
	case *proto.DebugOutput_LeftOut:
		tell(s.LeftOut, out.LeftOut.GetNames())
	case *proto.DebugOutput_Restrained:
		tell(s.Restrained, wire.ToRestraints(out.Restrained))
	case *proto.DebugOutput_Held:
		tell(s.Held, wire.ToHoldNews(out.Held))
	}
}

func call(f func()) {
	if f != nil {
		f()
	}
}

func tell[T any](f func(T), what T) {
	if f != nil {
		f(what)
	}
}

// write writes output. A reader that has gone away is told of, as a pipe does.
func (d *session) write(to io.Writer, stream proto.Output, data []byte) {
	d.sum.Write(data)
	d.bytes += uint64(len(data))
	if to == nil {
		return
	}
	d.writing.Store(time.Now().UnixNano())
	_, err := to.Write(data)
	d.writing.Store(0)
	if err == nil {
		return
	}
	if d.lost == nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.ErrClosedPipe) {
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err // its name is dlx's own, such as /dev/stdout
		}
		d.lost = fmt.Errorf("write the command's output: %w", err)
	}
	if stream == proto.Output_OUTPUT_STDOUT {
		d.streams.Stdout = nil
	} else {
		d.streams.Stderr = nil
	}
	d.gone <- stream // has room for both
}

// check compares what has come with what the agent says that it has sent.
func (d *session) check(end *proto.DebugEnd) error {
	return sameBytes(d.bytes, end.GetBytes(), d.sum.Sum(nil), end.GetSha256())
}

func sameBytes(have, want uint64, sum, wantSum []byte) error {
	if have != want || !bytes.Equal(sum, wantSum) {
		return fmt.Errorf("%d bytes have come of the %d that were sent, or others", have, want)
	}
	return nil
}
