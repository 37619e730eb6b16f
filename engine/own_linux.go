package engine

import (
	"context"
	"fmt"
	"strings"

	"dlx/capture"
	"dlx/nsutil"
)

// ownTraffic is what the connections of who asks for a capture add to its filter.
type ownTraffic struct {
	namespace nsutil.ID // the engine's network namespace, where they are
	filter    string
	compile   capture.Compile // nil: there are none
}

// leaveOut makes the filter that leaves a request's own connections out.
func leaveOut(ctx context.Context, req *CaptureRequest) (o ownTraffic, err error) {
	if len(req.Own) == 0 {
		return o, nil
	}
	own, err := nsutil.Own()
	if err != nil {
		return o, err
	}
	var parts []string
	if strings.TrimSpace(req.Filter) != "" {
		parts = append(parts, "("+req.Filter+")")
	}
	for _, c := range req.Own {
		parts = append(parts, fmt.Sprintf("not (tcp and host %s and host %s and port %d and port %d)",
			c.Local.Addr().Unmap().WithZone(""), c.Remote.Addr().Unmap().WithZone(""), c.Local.Port(), c.Remote.Port()))
	}
	o = ownTraffic{namespace: own[nsutil.Net], filter: strings.Join(parts, " and ")}
	if o.compile, err = compileFor(ctx, o.filter); err != nil {
		return o, fmt.Errorf("leave own connections out: %w", err)
	}
	return o, nil
}
