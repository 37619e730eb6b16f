package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dlx/agent/captures"
	"dlx/agent/client"
	"dlx/fault"
)

// detachFlags are those that go with --detach. The others are about what is printed, or about files
// here.
var detachFlags = map[string]bool{
	"detach": true, "interface": true, "direction": true, "snapshot-length": true, "buffer-size": true, "label": true, "count": true,
	"max-bytes": true, "duration": true, "no-process": true, "numbers": true, "own-traffic": true,
	"agent": true, "agent-cert": true, "agent-key": true, "agent-ca": true, "reason": true,
}

// checkDetach refuses flags that do not go with --detach.
func (o *captureOptions) checkDetach(cmd *cobra.Command) (err error) {
	if !o.detach {
		return nil
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !detachFlags[f.Name] {
			err = &usageError{fmt.Errorf("--detach does not go with --%s: the capture is on the agent's disk, and `dlx captures fetch` gets it", f.Name)}
		}
	})
	return err
}

// runDetach has an agent capture, and returns when it does.
func (a *app) runDetach(ctx context.Context, targets []string, filter string, o *captureOptions) error {
	if a.remote.address == noAgent {
		return &usageError{errors.New("--detach needs an agent, which goes on with the capture")}
	}
	err := a.withAgent(func(c *client.Client) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		var err error
		if o.words {
			if targets, filter, err = a.withoutDashes(ctx, c, targets, len(o.labels) > 0); err != nil {
				return err
			}
		}
		req, err := o.request(targets, filter)
		if err != nil {
			return err
		}
		req.Own, req.Latency = o.own(), fileLatency
		i, err := c.DetachCapture(ctx, req, o.duration)
		if err != nil {
			return err
		}
		a.notef("capturing in %s on the agent's disk, until %s or %s: `dlx captures fetch %s` gets it", o.where(targets),
			i.Until.Local().Format(time.DateTime), units.BytesSize(float64(i.MaxBytes)), i.ID)
		return a.linef("%s", i.ID)
	})
	if where, werr := a.agent(); errors.Is(err, fault.NoAgent) && werr == nil && where.address == "" {
		return fault.New(fault.NoAgent, "", "--detach needs an agent, which goes on with the capture: %w", err)
	}
	return err
}

// state is what a list says of a capture.
func state(i *captures.Info) string {
	switch n := len(i.Gaps); {
	case !i.Running():
		return "ended"
	case n > 0 && i.Gaps[n-1].To.IsZero():
		return "waiting"
	}
	return "on"
}
