package capture_test

import (
	"context"
	"errors"
	"testing"

	"dlx/capture"
)

// refusing is a sink that does not begin.
type refusing struct {
	t   *testing.T
	err error
}

func (r refusing) Begin() error { return r.err }

func (r refusing) Blocks([]byte, uint64, uint64) error {
	r.t.Error("blocks come to a sink that has not begun")
	return nil
}

func TestRefusingSink(t *testing.T) {
	c := open(t, namespace(t, ""), capture.Options{RingSize: 1 << 20})
	refusal := errors.New("refused")
	ctx, stop := context.WithTimeout(t.Context(), limit)
	defer stop()
	if _, err := c.Run(ctx, refusing{t, refusal}); !errors.Is(err, refusal) {
		t.Errorf("error %v, want the sink's", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
