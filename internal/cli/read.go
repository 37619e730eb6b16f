package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"dlx/internal/printer/job"
)

// runRead prints the packets of a capture file or, with -w, writes those that match to another.
func (a *app) runRead(ctx context.Context, expr string, o *captureOptions) error {
	in := a.stdin
	if o.read != "-" {
		f, err := os.Open(o.read)
		if err != nil {
			return fmt.Errorf("read the capture: %w", err)
		}
		defer func() { _ = f.Close() }() // was only read
		in = f
	}
	j := job.Job{Flags: o.print, Copy: o.file != "", Count: o.count, Filter: expr}
	if !j.Copy {
		return a.readFile(ctx, in, a.stdout, &j)
	}
	if err := o.notItself(in); err != nil {
		return err
	}
	out, err := a.captureOutput(ctx, o)
	if err != nil {
		return err
	}
	err = a.readFile(ctx, in, out.WriteCloser, &j)
	closed := out.Close()
	if gone(err) || err == nil && gone(closed) {
		err, closed = nil, nil // whoever read it has had enough
	}
	if out.files != nil && err == nil && closed == nil {
		a.notef("%d packets written", out.files.Figures().Packets)
	}
	return errors.Join(err, closed)
}

// notItself refuses to write over what is read.
func (o *captureOptions) notItself(in *os.File) error {
	from, err := in.Stat()
	if err != nil {
		return fmt.Errorf("read the capture: %w", err)
	}
	if to, err := os.Stat(o.file); err == nil && to.Mode().IsRegular() && os.SameFile(from, to) {
		return &usageError{fmt.Errorf("-r and -w name the same file, %s", o.file)}
	}
	return nil
}

// checkRead reports flags that make no sense with a file.
func (o *captureOptions) checkRead(targets []string) error {
	switch {
	case len(targets) > 0:
		return &usageError{fmt.Errorf("-r takes no TARGET: put the filter behind --, as in: dlx capture -r %s -- %s", o.read, targets[0])}
	case len(o.labels) > 0 || o.duration > 0 || o.list || o.iface != "any" || o.direction != "inout" || o.snaplen != 0 || o.maxBytes != 0:
		return &usageError{errors.New("-i, -s, -D, --direction, --label, --duration and --max-bytes are for capturing, not for -r")}
	case o.wireshark:
		return &usageError{fmt.Errorf("--wireshark is for capturing: wireshark %s opens a file", o.read)}
	case o.files.seconds != 0:
		return &usageError{errors.New("-G is for capturing, not for -r: use -C")}
	}
	return o.files.check(o.file)
}
