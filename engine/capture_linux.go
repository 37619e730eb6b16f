package engine

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"

	"golang.org/x/net/bpf"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/internal/names"
	"dlx/internal/printable"
	"dlx/internal/version"
	"dlx/nsutil"
)

// Capture writes a target's packets to w. The filter is compiled before anything is opened.
func (l *Local) Capture(ctx context.Context, req CaptureRequest, w io.Writer) (stats CaptureStats, err error) {
	compile, err := compileFor(ctx, req.Filter)
	if err != nil {
		return stats, err
	}
	t, err := l.open(ctx, req.Target)
	if err != nil {
		return stats, err
	}
	c, err := capture.New(capture.Options{
		Interface:   req.Interface,
		Direction:   req.Direction,
		SnapLen:     req.SnapLen,
		Filter:      req.Filter,
		Compile:     compile,
		Count:       req.Count,
		MaxBytes:    req.MaxBytes,
		RingSize:    req.RingSize,
		Latency:     req.Latency,
		Application: version.String(),
	})
	if err != nil {
		return stats, errors.Join(err, t.Close())
	}
	_, err = c.Add(capture.Source{
		Enter: func(f func() error) error { return t.Process.Do(nsutil.Net, f) },
		Name:  printable.Escape(t.Name), Image: printable.Escape(t.Image),
	})
	if err != nil {
		return stats, errors.Join(err, c.Close(), t.Close())
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
	stats = CaptureStats{Captured: got.Captured, Bytes: got.Bytes, Received: got.Received, Dropped: got.Dropped, TargetEnded: <-ended}
	for _, s := range got.Skipped {
		stats.Skipped = append(stats.Skipped, s.Interface+": "+s.Why.Error())
	}
	return stats, errors.Join(err, c.Close(), t.Close())
}

// compileFor compiles an expression for interfaces. Names are looked up here, outside of the container, where its files
// and its resolver have no say and its network does not see the questions. For Ethernet all of an expression makes sense,
// so that compiling it for that asks for every name.
func compileFor(ctx context.Context, expr string) (capture.Compile, error) {
	if strings.TrimSpace(expr) == "" {
		return nil, nil
	}
	machine := names.New(ctx)
	anyMask := netip.AddrFrom4([4]byte{255, 255, 255, 0})
	if _, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet, Extensions: filter.Live, Netmask: anyMask, Names: machine}); err != nil {
		return nil, err
	}
	machine = machine.Offline()
	return func(link uint16, netmask netip.Addr, snaplen uint32) ([]bpf.RawInstruction, error) {
		p, err := filter.Compile(expr, filter.Options{
			Link: filter.LinkType(link), Snaplen: snaplen, Extensions: filter.Live, Netmask: netmask, Names: machine,
		})
		if err != nil {
			return nil, err
		}
		return p.Raw(), nil
	}, nil
}
