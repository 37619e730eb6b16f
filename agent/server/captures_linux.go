package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dlx/agent/captures"
	"dlx/agent/identity"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/tlsid"
	"dlx/agent/wire"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/pause"
)

// CaptureEvent is something that is about to be done with a capture that is kept, and that no gate
// is asked about.
type CaptureEvent struct {
	What   CaptureWhat
	Caller *identity.Caller // who does it; of an end, whose capture it was
	Info   captures.Info
}

// CaptureWhat is what is done.
type CaptureWhat string

// What is done.
const (
	CaptureFetched CaptureWhat = "fetched"
	CaptureRemoved CaptureWhat = "removed"
	CaptureEnded   CaptureWhat = "ended" // because it could not go on after an agent's start
)

func (s *Server) note(ctx context.Context, e CaptureEvent) error {
	if s.o.Note == nil {
		return nil
	}
	return s.o.Note(ctx, e)
}

// DetachCapture begins a capture that goes on when the client has gone, and answers when it is on.
func (s handler) DetachCapture(ctx context.Context, req *proto.DetachCaptureRequest) (*proto.DetachCaptureResponse, error) {
	if s.o.Captures == nil {
		return nil, s.reject(ctx, string(engine.VerbCapture), errNoCaptures)
	}
	asked, err := wire.ToCapture(req.GetRequest())
	if err != nil {
		return nil, s.reject(ctx, string(engine.VerbCapture), err)
	}
	g, caller := guardOf(ctx), identity.Of(ctx)
	asked.User, asked.Own = caller.UID, slices.Concat(asked.Own, g.own)
	def := captures.Definition{Caller: *caller, Certificates: g.certificates(), Reason: req.GetReason(), Request: asked, Duration: req.GetDuration().AsDuration()}
	c, err := s.o.Captures.New(def)
	if err != nil {
		return nil, s.reject(ctx, string(engine.VerbCapture), err)
	}
	var trusted *tlsid.Reloader
	if g.tls != nil {
		trusted = s.certificates
	}
	d, err := s.detach(c, caller, trusted)
	if err != nil {
		return nil, told(errors.Join(err, c.Finish("")))
	}
	s.kept.Go(func() { d.run(d.capture) })
	select {
	case <-d.began:
	case <-d.ended:
		select {
		case <-d.began:
		default:
			return nil, told(d.err)
		}
	case <-ctx.Done():
		return nil, told(context.Cause(ctx))
	}
	return &proto.DetachCaptureResponse{Capture: wire.FromKept(c.Info())}, nil
}

var errNoCaptures = fault.New(fault.BadRequest, "", "this agent keeps no captures")

// certificates are those that the call's client has shown.
func (g *guard) certificates() (list [][]byte) {
	if g.tls == nil {
		return nil
	}
	for _, c := range g.tls.PeerCertificates {
		list = append(list, c.Raw)
	}
	return list
}

// Captures lists what is kept: the caller's own, or all if the caller may see them.
func (s handler) Captures(ctx context.Context, _ *proto.CapturesRequest) (*proto.CapturesResponse, error) {
	return atOnce(ctx, s, verbCaptures, func(ctx context.Context) (*proto.CapturesResponse, error) {
		if s.o.Captures == nil {
			return nil, errNoCaptures
		}
		of := identity.Of(ctx)
		if s.allow(ctx, verbCaptures, nil) == nil {
			of = nil
		}
		return &proto.CapturesResponse{Captures: wire.Each(s.o.Captures.List(of), wire.FromKept)}, nil
	})
}

// keptFor is a capture that a caller may have: its own, or any if the policy says so. Another one
// is not told from one that is not there.
func (s handler) keptFor(ctx context.Context, id string) (*captures.Capture, error) {
	if s.o.Captures == nil {
		return nil, errNoCaptures
	}
	c := s.o.Captures.Find(id)
	if c == nil || !c.Owned(identity.Of(ctx)) && s.allow(ctx, verbCaptures, nil) != nil {
		return nil, fault.New(fault.NoCapture, id, "no capture %.70q is kept", id)
	}
	return c, nil
}

// stopLimit is how long the end of a capture is waited for.
const stopLimit = 20 * time.Second

// StopCapture ends a capture, and answers when it has ended. One that has ended stays as it is.
func (s handler) StopCapture(ctx context.Context, req *proto.StopCaptureRequest) (*proto.StopCaptureResponse, error) {
	return atOnce(ctx, s, verbCaptures, func(ctx context.Context) (*proto.StopCaptureResponse, error) {
		c, err := s.keptFor(ctx, req.GetId())
		if err != nil {
			return nil, err
		}
		w := s.works.end(c.ID(), fmt.Errorf("%s has stopped it", identity.Of(ctx).Name))
		ctx, cancel := context.WithTimeout(ctx, stopLimit)
		defer cancel()
		if w != nil {
			select {
			case <-w.Kept.over:
			case <-ctx.Done():
				return nil, fault.New(fault.TimedOut, c.ID(), "the capture %s is told to end, and has not ended yet: %w", c.ID(), ctx.Err())
			}
		}
		return &proto.StopCaptureResponse{Capture: wire.FromKept(c.Info())}, nil
	})
}

// RemoveCapture removes a capture that has ended.
func (s handler) RemoveCapture(ctx context.Context, req *proto.RemoveCaptureRequest) (*proto.RemoveCaptureResponse, error) {
	return atOnce(ctx, s, verbCaptures, func(ctx context.Context) (*proto.RemoveCaptureResponse, error) {
		c, err := s.keptFor(ctx, req.GetId())
		if err != nil {
			return nil, err
		}
		if i := c.Info(); !i.Running() {
			if err := s.note(ctx, CaptureEvent{CaptureRemoved, identity.Of(ctx), i}); err != nil {
				return nil, err
			}
		}
		return &proto.RemoveCaptureResponse{}, s.o.Captures.Remove(c)
	})
}

// FetchCapture sends what there is of a capture's file. That is recorded before the first byte.
func (s handler) FetchCapture(ctx context.Context, req *proto.FetchCaptureRequest, stream protoconnect.AgentFetchCaptureServerStream) (err error) {
	c, err := s.keptFor(ctx, req.GetId())
	if err != nil {
		return told(err)
	}
	w := &Work{Verb: verbCaptures}
	ctx, leave, err := s.begin(ctx, w)
	if err != nil {
		return told(err)
	}
	defer func() { w.err = cmp.Or(w.err, err); leave() }()
	defer pause.Behind(ctx, cutLimit, guardOf(ctx).cut)()
	f, err := c.Open()
	if err != nil {
		return told(err)
	}
	defer f.Close()
	if req.GetOffset() > uint64(f.Size) {
		return told(fault.New(fault.BadCopy, c.ID(), "of the capture %s there are %d bytes, and %d are there already", c.ID(), f.Size, req.GetOffset()))
	}
	if err := s.note(ctx, CaptureEvent{CaptureFetched, identity.Of(ctx), f.Info}); err != nil {
		return told(err)
	}
	file := &proto.CaptureFile{Capture: wire.FromKept(f.Info), Bytes: uint64(f.Size), Sha256: f.SHA256}
	if err := stream.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_File{File: file}}); err != nil {
		return err
	}
	w.err = sendFile(ctx, f.From(int64(req.GetOffset())), w, stream)
	end := &proto.FetchEnd{Fault: wire.FromError(fault.In(verbCaptures, c.ID(), w.err)), Bytes: w.Sent()}
	_ = stream.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_End{End: end}})
	return nil
}

// fetchPart is how much of a file a message has.
const fetchPart = 256 << 10

// sendFile sends what can be read, until ctx ends.
func sendFile(ctx context.Context, from io.Reader, w *Work, stream protoconnect.AgentFetchCaptureServerStream) error {
	buf := make([]byte, fetchPart)
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := io.ReadFull(from, buf)
		if n > 0 {
			if err := stream.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_Data{Data: buf[:n]}}); err != nil {
				return errors.Join(errClientGone, err)
			}
			w.sent.Add(uint64(n))
			w.watch.Sent(n)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}
