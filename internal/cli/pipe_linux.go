package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"dlx/internal/linux"
)

// openPipe opens a named pipe, once it has a reader. A link is none.
func openPipe(path string) (*os.File, error) {
	fd, err := linux.OpenFIFO(path)
	if errors.Is(err, linux.ErrInvalid) {
		return nil, errNoPipe
	}
	if err != nil {
		return nil, err
	}
	return fd.File(path), nil
}

// readerGone is closed when a pipe has no reader any more.
// Its writing end has an error then (poll(2), POLLERR).
func readerGone(ctx context.Context, f *os.File) <-chan struct{} {
	w, err := linux.NewWaiter()
	if err != nil {
		return nil
	}
	raw, err := f.SyscallConn()
	fd := 0
	if err == nil {
		cerr := raw.Control(func(f uintptr) { fd, err = int(f), w.Watch(int(f)) })
		err = errors.Join(err, cerr)
	}
	if err != nil {
		_ = w.Close()
		return nil
	}
	gone := make(chan struct{})
	go func() {
		defer w.Close()
		stop := context.AfterFunc(ctx, w.Wake)
		defer stop()
		if waitReady(ctx, w, fd) {
			close(gone)
		}
	}()
	return gone
}

// waitReady waits for what is watched, or for the context's end.
func waitReady(ctx context.Context, w *linux.Waiter, fd int) bool {
	for ctx.Err() == nil {
		if err := w.Wait(time.Hour); err != nil {
			return false
		}
		if w.Ready(fd) {
			return true
		}
	}
	return false
}
