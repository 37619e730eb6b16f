//go:build !linux

package cli

import (
	"context"
	"dlx/internal/view"
	"io"
	"os"
)

func (a *app) startPrinter(*captureOptions) (io.WriteCloser, error) { return nil, unsupportedError{} }

// readFile reads a file that the user could read, with no more privileges than the user has.
func (a *app) readFile(ctx context.Context, in *os.File, out io.Writer, o *view.Options) error {
	notes, err := view.Show(ctx, in, out, o)
	for _, n := range notes {
		a.notef("%s", n)
	}
	return err
}
