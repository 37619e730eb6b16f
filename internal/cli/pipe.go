package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pipeFlags are those that go with --pipe. sudo may let somebody use --pipe, who chooses all that
// follows it. So each flag has to be found harmless first: it must not give away root's files.
var pipeFlags = map[string]bool{
	"pipe": true, "interface": true, "direction": true, "snapshot-length": true, "buffer-size": true, "label": true, "count": true,
	"max-bytes": true, "duration": true, "no-process": true, "numbers": true, "own-traffic": true, "list-interfaces": true, "output": true,
}

// checkPipe refuses flags that do not go with --pipe, and --pipe=false, which would take it back.
func (o *captureOptions) checkPipe(cmd *cobra.Command) (err error) {
	if !cmd.Flags().Changed("pipe") {
		return nil
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !pipeFlags[f.Name] {
			err = &usageError{fmt.Errorf("--pipe does not go with --%s", f.Name)}
		}
	})
	if err == nil && !o.pipe {
		err = &usageError{errors.New("--pipe takes no value")}
	}
	return err
}

// quiet says whether a program reads dlx's messages. Wireshark shows any word of them as an error.
func (o *captureOptions) quiet() bool { return o.pipe || o.to != nil }

// runPipe captures to standard output until standard input ends. That is how a process without
// privileges, which can not send a signal to one of root's, has it write the closing figures.
func (a *app) runPipe(ctx context.Context, targets []string, filter string, o captureOptions) error {
	o.file = "-"
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		_, _ = io.Copy(io.Discard, a.stdin)
		cancel(errReaderGone)
	}()
	return a.runCapture(ctx, targets, filter, o)
}

// pipe is an output that has a reader.
type pipe struct {
	io.WriteCloser
	file   *os.File    // nil if it can not be watched
	failed atomic.Bool // a write has
}

// newPipe is the writer, whose reader is watched if underlying is a pipe.
func newPipe(w io.WriteCloser, underlying io.Writer) *pipe {
	f, ok := underlying.(*os.File)
	if !ok || !isPipe(f) {
		f = nil
	}
	return &pipe{WriteCloser: w, file: f}
}

func (p *pipe) Write(data []byte) (int, error) {
	n, err := p.WriteCloser.Write(data)
	if err != nil {
		p.failed.Store(true)
	}
	return n, err
}

// hurry ends writing to a reader that is there and does not read.
func (p *pipe) hurry() {
	if p.file != nil {
		_ = p.file.SetWriteDeadline(time.Now().Add(lastWrites)) // not every pipe has deadlines
	}
}

// lastWrites is how long the end of a capture may take to write.
const lastWrites = 2 * time.Second

// gone is closed when the reader goes away, unless ctx ends before. It is nil if nobody can know.
func (p *pipe) gone(ctx context.Context) <-chan struct{} {
	if p.file == nil {
		return nil
	}
	return readerGone(ctx, p.file)
}

// errNoPipe says that something is no named pipe; it comes behind the name.
var errNoPipe = errors.New("is no pipe")

func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// watched is an output whose reader can go away before it is written to.
type watched interface {
	gone(ctx context.Context) <-chan struct{}
	hurry()
}

// errReaderGone is why a capture ends whose reader has gone away.
var errReaderGone = errors.New("nobody reads the packets any more")

// untilGone is a context that ends with the reader of an output. Without packets nothing is
// written, and a write could not say it.
func untilGone(ctx context.Context, out io.Writer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	end := func() { cancel(nil) }
	w, ok := out.(watched)
	if !ok {
		return ctx, end
	}
	gone := w.gone(ctx)
	go func() {
		select {
		case <-gone:
			cancel(errReaderGone)
		case <-ctx.Done():
		}
		w.hurry()
	}()
	return ctx, end
}
