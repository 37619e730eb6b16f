package client

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"dlx/agent/captures"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/wire"
	"dlx/engine"
	"dlx/fault"
)

// DetachCapture begins a capture that goes on without this client, for a time; 0 is the agent's
// default, as it is for the request's MaxBytes. It returns when the capture is on.
func (c *Client) DetachCapture(ctx context.Context, req engine.CaptureRequest, d time.Duration) (captures.Info, error) {
	asked, err := wire.FromCapture(&req)
	if err != nil {
		return captures.Info{}, err
	}
	m, err := c.rpc.DetachCapture(ctx, &proto.DetachCaptureRequest{Request: asked, Reason: c.o.Reason, Duration: durationpb.New(d)})
	if err != nil {
		return captures.Info{}, c.failed(ctx, "capture", strings.Join(req.Targets, " "), err)
	}
	return wire.ToKept(m.GetCapture()), nil
}

// Captures lists those that the agent keeps: the caller's own, or all if the caller may see them.
func (c *Client) Captures(ctx context.Context) ([]captures.Info, error) {
	m, err := c.rpc.Captures(ctx, &proto.CapturesRequest{})
	if err != nil {
		return nil, c.failed(ctx, "captures", "", err)
	}
	return wire.Each(m.GetCaptures(), wire.ToKept), nil
}

// StopCapture ends one. None of that ID is a fault.NoCapture.
func (c *Client) StopCapture(ctx context.Context, id string) (captures.Info, error) {
	m, err := c.rpc.StopCapture(ctx, &proto.StopCaptureRequest{Id: id})
	return wire.ToKept(m.GetCapture()), c.failed(ctx, "captures", id, err)
}

// RemoveCapture removes one that has ended; another is a fault.StillOn.
func (c *Client) RemoveCapture(ctx context.Context, id string) error {
	_, err := c.rpc.RemoveCapture(ctx, &proto.RemoveCaptureRequest{Id: id})
	return c.failed(ctx, "captures", id, err)
}

// Fetch says what of a capture's file is fetched, and where to.
type Fetch struct {
	ID     string
	Offset uint64    // bytes that are there already
	Sum    hash.Hash // SHA-256, of those
	To     io.Writer
}

// FetchCapture fetches a capture's file from an offset on, or what there is of it so far. All of it
// has the length and the digest that the agent has told, or the error is a fault.BadCopy; where the
// connection ends before that, it is a fault.Cut.
func (c *Client) FetchCapture(ctx context.Context, f Fetch) (captures.Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.FetchCapture(ctx, &proto.FetchCaptureRequest{Id: f.ID, Offset: f.Offset})
	if err != nil {
		return captures.Info{}, c.failed(ctx, "captures", f.ID, err)
	}
	defer stream.Close()
	k := &fetching{c: c, f: f}
	info, err := k.receive(stream)
	switch {
	case k.failed != nil:
		return info, fault.In("captures", f.ID, k.failed)
	case err != nil:
		return info, c.failed(ctx, "captures", f.ID, err)
	}
	return info, fault.In("captures", f.ID, k.check())
}

// fetching is a file that comes.
type fetching struct {
	c      *Client
	f      Fetch
	file   *proto.CaptureFile
	got    uint64 // bytes
	failed error  // of the writer
}

func (k *fetching) receive(stream protoconnect.AgentFetchCaptureClientStream) (info captures.Info, err error) {
	for {
		m, err := stream.Receive()
		if err != nil {
			return info, err
		}
		switch out := m.GetOutput().(type) {
		case *proto.FetchCaptureOutput_File:
			k.file, info = out.File, wire.ToKept(out.File.GetCapture())
		case *proto.FetchCaptureOutput_Data:
			if k.failed = k.write(out.Data); k.failed != nil {
				return info, k.failed
			}
		case *proto.FetchCaptureOutput_End:
			if err := wire.ToError(out.End.GetFault(), nil); err != nil {
				return info, err
			}
			if out.End.GetBytes() != k.got {
				return info, k.c.cut(io.ErrUnexpectedEOF)
			}
			return info, nil
		}
	}
}

// errMore says that an agent sends more than it has told.
var errMore = errors.New("the agent sends more of the file than there is")

// write takes the next bytes.
func (k *fetching) write(b []byte) error {
	if k.file == nil || k.f.Offset+k.got+uint64(len(b)) > k.file.GetBytes() {
		return fault.New(fault.BadCopy, k.f.ID, "%w", errMore)
	}
	n, err := k.f.To.Write(b)
	k.f.Sum.Write(b[:n])
	k.got += uint64(n)
	return err
}

// check compares what is there with what the agent has told.
func (k *fetching) check() error {
	have, told := k.f.Sum.Sum(nil), k.file.GetSha256()
	if size := k.f.Offset + k.got; size != k.file.GetBytes() || !bytes.Equal(have, told) {
		return fault.New(fault.BadCopy, k.f.ID, "what was fetched is not the capture %s: %d bytes of SHA-256 %s, and the agent has %d of %s",
			k.f.ID, size, hex.EncodeToString(have), k.file.GetBytes(), hex.EncodeToString(told))
	}
	return nil
}
