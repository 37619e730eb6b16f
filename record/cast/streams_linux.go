package cast

import (
	"context"
	"io"

	"dlx/shell"
)

// Wrap returns streams whose output and sizes, and input if that is asked for, are recorded, and a
// context that ends when the recording can not go on. What is shown or passed on was recorded
// before. The recording is closed after the session has ended.
func (r *Recording) Wrap(ctx context.Context, s shell.Streams) (context.Context, shell.Streams) {
	ctx, cancel := context.WithCancelCause(ctx)
	r.mu.Lock()
	r.enders = append(r.enders, cancel)
	if r.failed != nil {
		cancel(r.failed)
	}
	r.mu.Unlock()
	if s.Stdout != nil {
		s.Stdout = &tee{r, r.source(Output), s.Stdout}
	}
	if s.Stderr != nil {
		s.Stderr = &tee{r, r.source(Output), s.Stderr}
	}
	if s.Stdin != nil && r.o.Input {
		s.Stdin = &tap{r, r.source(Input), s.Stdin}
	}
	if s.Resize != nil {
		s.Resize = r.resizes(s.Resize)
	}
	return ctx, s
}

func (r *Recording) source(code Code) *source {
	s := &source{code: code}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams = append(r.streams, s)
	return s
}

// tee records what is written.
type tee struct {
	r  *Recording
	s  *source
	to io.Writer
}

func (t *tee) Write(p []byte) (int, error) {
	if err := t.r.write(t.s, p); err != nil {
		return 0, err
	}
	return t.to.Write(p)
}

// tap records what is read.
type tap struct {
	r    *Recording
	s    *source
	from io.Reader
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	if n > 0 {
		if rerr := t.r.write(t.s, p[:n]); rerr != nil {
			return 0, rerr
		}
	}
	return n, err
}

// resizes passes sizes on until the recording is closed.
func (r *Recording) resizes(from <-chan shell.WindowSize) <-chan shell.WindowSize {
	to := make(chan shell.WindowSize)
	r.sync.Go(func() {
		defer close(to)
		for {
			var size shell.WindowSize
			var ok bool
			select {
			case <-r.done:
				return
			case size, ok = <-from:
			}
			if !ok || r.Resize(size.Rows, size.Cols) != nil {
				return
			}
			select {
			case <-r.done:
				return
			case to <- size:
			}
		}
	})
	return to
}
