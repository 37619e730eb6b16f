package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"dlx/agent/client"
	"dlx/fault"
	"dlx/internal/outfile"
)

// fetchOptions are the flags of `dlx captures fetch`.
type fetchOptions struct {
	file string
	more bool
	made bool // the file was not there
}

func (a *app) capturesFetchCommand() *cobra.Command {
	var o fetchOptions
	cmd := &cobra.Command{
		Use:   "fetch ID",
		Short: "get the pcapng file of a capture, or what there is of it so far",
		Long: "Gets the file of a capture, which is checked against the length and the digest that the agent has of it. --continue goes on\n" +
			"with a file that has its beginning: because the connection was cut, or because the capture went on.",
		Args: exactArgs(1), ValidArgsFunction: a.completeCaptures,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runFetch(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "write", "w", "", "the file, - for standard output (default: ID.pcapng)")
	f.BoolVar(&o.more, "continue", false, "go on with a file that has the capture's beginning")
	return cmd
}

func (a *app) runFetch(ctx context.Context, id string, o fetchOptions) error {
	if o.file == "" {
		o.file = filepath.Base(id) + ".pcapng"
	}
	if o.file == "-" {
		if o.more || isTerminal(a.stdout) {
			return &usageError{errors.New("a capture goes to standard output whole, and not to a terminal")}
		}
		return a.fetch(ctx, client.Fetch{ID: id, Sum: sha256.New(), To: a.stdout}, o.file)
	}
	f, sum, size, err := openFetched(ctx, &o)
	if err != nil {
		return explainFile(o.file, err)
	}
	err = a.fetch(ctx, client.Fetch{ID: id, Offset: size, Sum: sum, To: f}, o.file)
	switch {
	case err == nil:
		err = f.Sync()
	case errors.Is(err, fault.BadCopy): // which nobody is to take for the capture
		err = errors.Join(err, f.Truncate(int64(size)))
	}
	info, serr := f.Stat()
	empty := o.made && err != nil && serr == nil && info.Size() == 0
	err = errors.Join(err, f.Close())
	if empty {
		err = errors.Join(err, removeEmpty(o.file))
	}
	return err
}

// fetch gets what is to be got.
func (a *app) fetch(ctx context.Context, f client.Fetch, file string) error {
	return a.withAgent(func(c *client.Client) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		i, err := c.FetchCapture(ctx, f)
		if err != nil {
			return resumable(err, f.ID, file)
		}
		a.notef("%s, SHA-256 %x", units.BytesSize(float64(i.Bytes)), f.Sum.Sum(nil))
		for _, g := range i.Gaps {
			a.notef("nothing was captured for %s: %s", g.To.Sub(g.From), g.Why)
		}
		if i.Running() {
			a.notef("it goes on: this is what there was so far, and --continue gets more")
		}
		return nil
	})
}

// openFetched opens the file that a capture goes to, for who called sudo: a new one, or with
// --continue one that is there, whose bytes are read.
func openFetched(ctx context.Context, o *fetchOptions) (f *os.File, sum hash.Hash, size uint64, err error) {
	owner, err := sudoOwner()
	if err != nil {
		return nil, nil, 0, err
	}
	err = outfile.As(owner, ctx.Done(), func() error {
		return outfile.In(o.file, func(d *outfile.Dir, base string) (err error) {
			f, o.made, err = d.Append(base, 0o600)
			return err
		})
	})
	if err == nil && !o.made && !o.more {
		err = errors.Join(&fileError{fmt.Errorf("%s: %w", o.file, fs.ErrExist), "--continue goes on with it, if it has the capture's beginning"}, f.Close())
	}
	if err != nil {
		return nil, nil, 0, err
	}
	sum = sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return nil, nil, 0, errors.Join(fmt.Errorf("read what is there of the capture: %w", err), f.Close())
	}
	return f, sum, uint64(n), nil
}

// removeEmpty removes a file that nothing has come into, as who called sudo.
func removeEmpty(name string) error {
	owner, err := sudoOwner()
	if err != nil {
		return err
	}
	return outfile.As(owner, nil, func() error {
		return outfile.In(name, func(d *outfile.Dir, base string) error { return d.Remove(base) })
	})
}
