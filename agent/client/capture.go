package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"strings"
	"sync"

	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/wire"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/pause"
)

// Capture is engine.Engine's.
func (c *Client) Capture(ctx context.Context, req engine.CaptureRequest, to engine.Sink) (stats engine.CaptureStats, err error) {
	defer func() { err = fault.In("capture", strings.Join(req.Targets, " "), err) }()
	asked, err := wire.FromCapture(&req)
	if err != nil {
		return stats, err
	}
	ctx, fail := context.WithCancelCause(ctx) // by the sink
	defer fail(nil)
	own, cancel := context.WithCancel(context.WithoutCancel(ctx)) // a capture is told to end, and its last packets come
	defer cancel()
	stream, err := c.rpc.Capture(own)
	if err != nil {
		return stats, c.failed(ctx, "capture", "", err)
	}
	defer stream.Close()
	defer pause.Behind(ctx, endLimit, giveUp(cancel, stream))()
	start := &proto.CaptureStart{Request: asked, Reason: c.o.Reason}
	if err := stream.Send(&proto.CaptureInput{Input: &proto.CaptureInput_Start{Start: start}}); err != nil && !errors.Is(err, io.EOF) {
		return stats, c.failed(ctx, "capture", "", err)
	}
	k := &capturing{stream: stream, sink: to, sum: sha256.New(), fail: fail, done: make(chan struct{})}
	var sender sync.WaitGroup
	sender.Go(func() { k.send(ctx) })
	end, err := k.receive()
	close(k.done)
	sender.Wait()
	_ = stream.CloseSend()
	if err != nil {
		return stats, errors.Join(k.failed, c.failed(context.WithoutCancel(ctx), "capture", "", err))
	}
	if err := sameBytes(k.bytes, end.GetBytes(), k.sum.Sum(nil), end.GetSha256()); err != nil {
		return stats, c.cut(err)
	}
	err = k.failed
	if err == nil {
		err = wire.ToError(end.GetFault(), context.Cause(ctx))
	}
	return wire.ToStats(end.GetStats()), err
}

// capturing is the client's side of a capture.
type capturing struct {
	stream protoconnect.AgentCaptureClientStream
	sink   engine.Sink
	part   []byte // of blocks whose rest is to come
	sum    hash.Hash
	bytes  uint64
	failed error // the sink's
	fail   context.CancelCauseFunc
	done   chan struct{}
}

// send tells the agent that it is enough.
func (k *capturing) send(ctx context.Context) {
	select {
	case <-k.done:
	case <-ctx.Done():
		why := context.Cause(ctx).Error()
		_ = k.stream.Send(&proto.CaptureInput{Input: &proto.CaptureInput_Cancel{Cancel: why}}) // the receiver learns why not
	}
}

// receive hands what comes to the sink until the end. What comes behind an error of the sink's is
// counted, and goes nowhere.
func (k *capturing) receive() (*proto.CaptureEnd, error) {
	for {
		m, err := k.stream.Receive()
		if err != nil {
			return nil, err
		}
		switch out := m.GetOutput().(type) {
		case *proto.CaptureOutput_Began:
			k.note(k.sink.Begin())
		case *proto.CaptureOutput_Blocks:
			if err := k.blocks(out.Blocks); err != nil {
				return nil, err
			}
		case *proto.CaptureOutput_End:
			return out.End, nil
		}
	}
}

// maxBlocks is more than an agent ever sends as one.
const maxBlocks = 256 << 20

var errTooLarge = errors.New("the agent sends blocks without an end")

func (k *capturing) blocks(b *proto.Blocks) error {
	k.sum.Write(b.GetData())
	k.bytes += uint64(len(b.GetData()))
	if k.failed != nil { // what comes behind it goes nowhere
		return nil //nolint:nilerr // it has been told
	}
	if len(k.part)+len(b.GetData()) > maxBlocks {
		return errTooLarge
	}
	if b.GetMore() {
		k.part = append(k.part, b.GetData()...)
		return nil
	}
	data := b.GetData()
	if len(k.part) > 0 {
		data = append(k.part, data...)
		k.part = k.part[:0]
	}
	k.note(k.sink.Blocks(data, b.GetPackets(), b.GetDropped()))
	return nil
}

// note keeps the sink's first error, which ends the capture.
func (k *capturing) note(err error) {
	if err == nil || k.failed != nil {
		return
	}
	k.failed = err
	k.fail(err)
}
