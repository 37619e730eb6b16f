//go:build !linux

package cli

import (
	"context"
	"io"
	"os"

	"dlx/internal/printer"
	"dlx/internal/printer/job"
)

func (a *app) startPrinter(*captureOptions) (io.WriteCloser, error) { return nil, unsupportedError{} }

// readFile reads a file that the user could read, with no more privileges than the user has.
func (a *app) readFile(ctx context.Context, in *os.File, out io.Writer, j *job.Job) error {
	notes, err := printer.Show(ctx, in, out, j)
	for _, n := range notes {
		a.notef("%s", n)
	}
	return err
}
