package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"

	"dlx/agent/identity"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/wire"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/pause"
)

func (s handler) Capture(ctx context.Context, stream protoconnect.AgentCaptureServerStream) error {
	g := guardOf(ctx)
	verb := string(engine.VerbCapture)
	first, err := opening(g, stream.Receive)
	if err != nil {
		return s.reject(ctx, verb, err)
	}
	start := first.GetStart()
	if start == nil {
		return s.reject(ctx, verb, fault.New(fault.BadRequest, "", noOpening))
	}
	req, err := wire.ToCapture(start.GetRequest())
	if err != nil {
		return s.reject(ctx, verb, err)
	}
	req.User, req.Own = identity.Of(ctx).UID, slices.Concat(req.Own, g.own)
	w := &Work{Verb: verb, Targets: slices.Concat(req.Targets, req.Labels), Reason: start.GetReason(), Ring: int64(req.RingSize)}
	own, leave, err := s.begin(ctx, w)
	if err != nil {
		return told(err)
	}
	defer leave()
	defer pause.Behind(own, cutLimit, g.cut)()
	k := &capturing{stream: stream, work: w, sum: sha256.New()}
	if err := k.send(&proto.CaptureOutput{Output: &proto.CaptureOutput_Session{Session: w.ID}}); err != nil {
		return err
	}
	var receiver sync.WaitGroup
	receiver.Go(func() { k.receive(ctx) })
	stats, err := s.o.Engine.Capture(own, req, k)
	if cause := context.Cause(own); err == nil && cause != nil && !errors.Is(cause, wire.ErrByClient) {
		err = fault.In("capture", strings.Join(req.Targets, " "), cause) // the client's own end is no error, others are
	}
	w.err = err
	end := &proto.CaptureEnd{Stats: wire.FromStats(&stats), Fault: wire.FromError(err), Bytes: k.bytes, Sha256: k.sum.Sum(nil)}
	_ = k.send(&proto.CaptureOutput{Output: &proto.CaptureOutput_End{End: end}})
	defer time.AfterFunc(closeLimit, g.stopReading).Stop()
	receiver.Wait()
	return nil
}

// capturing is the sink of a capture: its client. A client that takes nothing holds up no packets
// but its own capture's, which the kernel then drops and counts.
type capturing struct {
	stream protoconnect.AgentCaptureServerStream
	work   *Work
	sum    hash.Hash // of all blocks
	bytes  uint64
}

func (k *capturing) send(m *proto.CaptureOutput) error {
	if err := k.stream.Send(m); err != nil {
		return errors.Join(errClientGone, err)
	}
	return nil
}

// Begin is capture.Sink's.
func (k *capturing) Begin() error {
	k.work.watch.Began()
	return k.send(&proto.CaptureOutput{Output: &proto.CaptureOutput_Began{Began: true}})
}

// maxPart is how much of blocks a message has at most.
const maxPart = 1 << 20

// Blocks is capture.Sink's.
func (k *capturing) Blocks(b []byte, packets, dropped uint64) error {
	if err := k.work.count(len(b)); err != nil {
		return err
	}
	k.work.watch.Packets(packets, dropped)
	k.sum.Write(b)
	k.bytes += uint64(len(b))
	for len(b) > maxPart {
		if err := k.send(&proto.CaptureOutput{Output: &proto.CaptureOutput_Blocks{Blocks: &proto.Blocks{Data: b[:maxPart], More: true}}}); err != nil {
			return err
		}
		b = b[maxPart:]
	}
	last := &proto.Blocks{Data: b, Packets: packets, Dropped: dropped}
	return k.send(&proto.CaptureOutput{Output: &proto.CaptureOutput_Blocks{Blocks: last}})
}

// receive takes what the client sends until it closes its side.
func (k *capturing) receive(ctx context.Context) {
	for {
		m, err := k.stream.Receive()
		if err != nil {
			if !ended(err) || ctx.Err() != nil {
				k.work.cancel(errClientGone)
			}
			return
		}
		if _, ok := m.GetInput().(*proto.CaptureInput_Cancel); ok {
			k.work.cancel(wire.ErrByClient)
		}
	}
}
