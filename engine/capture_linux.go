package engine

import (
	"context"
	"errors"
	"io"

	"golang.org/x/net/bpf"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/internal/printable"
	"dlx/internal/version"
	"dlx/nsutil"
)

// Capture writes a target's packets to w. The filter is compiled before anything is opened.
func (l *Local) Capture(ctx context.Context, req CaptureRequest, w io.Writer) (stats CaptureStats, err error) {
	if _, err := filter.Compile(req.Filter, filter.Ethernet, 1); err != nil {
		return stats, err
	}
	t, err := l.open(ctx, req.Target)
	if err != nil {
		return stats, err
	}
	c, err := capture.Open(func(f func() error) error { return t.Process.Do(nsutil.Net, f) }, capture.Options{
		Interface:   req.Interface,
		SnapLen:     req.SnapLen,
		Filter:      req.Filter,
		Compile:     compileFor(req.Filter),
		Count:       req.Count,
		RingSize:    req.RingSize,
		Description: printable.Escape(t.Name),
		Application: version.String(),
	})
	if err != nil {
		return stats, errors.Join(err, t.Close())
	}
	// The sockets keep the namespace alive, so that the capture would go on after the container, in silence.
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan bool, 1)
	go func() {
		ended <- t.Process.Wait(ctx) == nil
		stop()
	}()
	got, err := c.Run(ctx, w)
	stop()
	stats = CaptureStats{Captured: got.Captured, Received: got.Received, Dropped: got.Dropped, Skipped: got.Skipped, TargetEnded: <-ended}
	return stats, errors.Join(err, c.Close(), t.Close())
}

// compileFor compiles an expression for each link type that there is.
func compileFor(expr string) capture.Compile {
	if expr == "" {
		return nil
	}
	return func(link uint16, snaplen uint32) ([]bpf.RawInstruction, error) {
		p, err := filter.Compile(expr, filter.LinkType(link), snaplen)
		if err != nil {
			return nil, err
		}
		return p.Raw(), nil
	}
}
