package cast

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"dlx/internal/pause"
)

// PlayOptions say how a recording is played. Zero values are the defaults.
type PlayOptions struct {
	Speed float64       // 1; how many times as fast
	Idle  time.Duration // the longest that nothing happens, before Speed; as it was
	From  time.Duration // what was before is shown at once
	// Search begins where a text appears first, which takes an io.Seeker. With Plain the lines that
	// have the text are written, each with its time.
	Search string
	Plain  bool // text alone, at once
	Begun  func(Header)
}

// ErrNotFound reports that a text is not in a recording.
var ErrNotFound = errors.New("the text is not in the recording")

// Play plays a recording on a terminal. Only what Filter lets through gets there, and whatever it
// has changed is put back at the end, also when ctx ends.
func Play(ctx context.Context, w io.Writer, in io.Reader, o PlayOptions) error {
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.Speed < 0 {
		return fmt.Errorf("play the recording: a speed of %g", o.Speed)
	}
	if o.Plain {
		return playPlain(ctx, w, in, o)
	}
	if o.Search != "" {
		from, err := find(ctx, in, o.Search)
		if err != nil {
			return err
		}
		o.From = max(o.From, from)
	}
	r, err := NewReader(in)
	if err != nil {
		return err
	}
	if o.Begun != nil {
		o.Begun(r.Header())
	}
	f := &Filter{}
	err = play(ctx, w, r, f, o)
	_, werr := io.WriteString(w, f.Restore())
	return errors.Join(err, werr)
}

func play(ctx context.Context, w io.Writer, r *Reader, f *Filter, o PlayOptions) error {
	at := time.Duration(0)
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		wait := e.Time - max(at, o.From)
		at = e.Time
		if o.Idle > 0 {
			wait = min(wait, o.Idle)
		}
		if err := pause.For(ctx, time.Duration(min(float64(wait)/o.Speed, float64(maxWait)))); err != nil {
			return err
		}
		if e.Code != Output {
			continue
		}
		if _, err := io.WriteString(w, f.Text(e.Data)); err != nil {
			return err
		}
	}
}

// maxWait bounds a wait, which a file can ask for as it likes.
const maxWait = 24 * time.Hour

// find is when a text is shown first. It reads in from where it is, and puts it back there.
func find(ctx context.Context, in io.Reader, text string) (time.Duration, error) {
	seeker, ok := in.(io.Seeker)
	if !ok {
		return 0, errors.New("search the recording: it is a pipe, and not a file")
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, fmt.Errorf("search the recording: %w", err)
	}
	r, err := NewReader(in)
	if err != nil {
		return 0, err
	}
	f := &Filter{Plain: true}
	seen := ""
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return 0, ErrNotFound
		}
		if err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if e.Code != Output {
			continue
		}
		if seen += f.Text(e.Data); strings.Contains(seen, text) {
			_, err := seeker.Seek(start, io.SeekStart)
			return e.Time, err
		}
		seen = seen[max(0, len(seen)-len(text)):]
	}
}

// maxText bounds a line of text that is looked at as a whole.
const maxText = 64 << 10

// playPlain writes text alone: all of it, or the lines that have a text.
func playPlain(ctx context.Context, w io.Writer, in io.Reader, o PlayOptions) error {
	r, err := NewReader(in)
	if err != nil {
		return err
	}
	p := &plainWriter{w: w, search: o.Search}
	f := &Filter{Plain: true}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(err, p.flush())
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if e.Code != Output || e.Time < o.From {
			continue
		}
		if err := p.text(e.Time, f.Text(e.Data)); err != nil {
			return err
		}
	}
	if err := p.flush(); err != nil {
		return err
	}
	if o.Search != "" && !p.found {
		return ErrNotFound
	}
	return nil
}

// plainWriter writes lines.
type plainWriter struct {
	w      io.Writer
	search string
	line   strings.Builder
	began  time.Duration
	found  bool
}

func (p *plainWriter) text(at time.Duration, s string) error {
	for part := range strings.Lines(s) {
		if p.line.Len() == 0 {
			p.began = at
		}
		p.line.WriteString(part)
		if strings.HasSuffix(part, "\n") || p.line.Len() > maxText {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *plainWriter) flush() error {
	s := p.line.String()
	p.line.Reset()
	if p.search == "" {
		_, err := io.WriteString(p.w, s)
		return err
	}
	if !strings.Contains(s, p.search) {
		return nil
	}
	p.found = true
	_, err := fmt.Fprintf(p.w, "%12.3f  %s\n", p.began.Seconds(), strings.TrimSuffix(s, "\n"))
	return err
}
