// Package rootfs opens and reads files of a container's file system.
// The container decides what they are: a link to a kernel's file, a
// device, a file without an end. Their file system may never answer.
package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dlx/internal/linux"
)

// Why a file is not read.
var (
	ErrNoAnswer = errors.New("a file system of the container does not answer") // the cause of giving up
	ErrNotFile  = errors.New("not a regular file of a file system that stores files")
	ErrTooLong  = errors.New("too long")
)

// Limit is how long one file of a container's may take.
const Limit = 10 * time.Second

// Find finds a regular file whose bytes are stored, and does not open it: anything else is
// ErrNotFile. Links on the way are followed as a process whose root is root would follow them, and
// never out of it.
func Find(ctx context.Context, root *Root, name string) (*linux.Found, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, Limit, ErrNoAnswer)
	defer cancel()
	found, elsewhere, err := root.find(name)
	if elsewhere {
		found, err = linux.FindInRoot(ctx, root.FD, name)
	}
	if err != nil {
		return nil, fmt.Errorf("find the container's %s: %w", name, err)
	}
	if found.Stat.Mode&linux.ModeType != linux.ModeRegular || !linux.Stored(found.Magic) {
		return nil, fmt.Errorf("find the container's %s: %w", name, errors.Join(ErrNotFile, found.Close()))
	}
	return found, nil
}

// Read returns the bytes of a file that Find finds, limit of them at the most: a longer one is
// ErrTooLong.
func Read(ctx context.Context, root *Root, name string, limit int64) ([]byte, error) {
	found, err := Find(ctx, root, name)
	if err != nil {
		return nil, err
	}
	data, err := Within(ctx, Limit, func() ([]byte, error) {
		defer found.Close()
		f, err := open(found.FD, name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, limit+1))
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the container's %s: %w", name, err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("read the container's %s: %w: more than %d bytes", name, ErrTooLong, limit)
	}
	return data, nil
}

// open opens the very file that an O_PATH handle is of for reading. A name that leads to something
// else by now makes no difference, and a lease on the file does not make it wait (fcntl(2),
// F_SETLEASE).
func open(handle *linux.FD, name string) (*os.File, error) {
	fd, err := linux.Reopen(handle, linux.ORead|linux.ONonblock|linux.ONoctty)
	if err != nil {
		return nil, err
	}
	return fd.File(name), nil
}

// Within runs f, which looks into a container's file system, and returns when it has, or else with
// ctx's cause, or with ErrNoAnswer when limit is over. f then goes on, or hangs in the kernel, by
// itself: it owns what it uses, and returns nothing that would have to be closed.
func Within[T any](ctx context.Context, limit time.Duration, f func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrNoAnswer)
	defer cancel()
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return *new(T), context.Cause(ctx)
	}
}
