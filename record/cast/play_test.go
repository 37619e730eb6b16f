package cast_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dlx/record/cast"
)

const recorded = `{"version": 2, "width": 80, "height": 24, "timestamp": 1504467315, "title": "Demo", "env": {"TERM": "xterm-256color"}}
[0.25, "o", "\u001b[1;31mHello \u001b[32mWor"]
[1.00, "i", "typed"]
[1.25, "o", "ld\u001b[0m\n"]
[1.50, "m", ""]
[4.05, "r", "80x24"]
[61.25, "o", "\u001b[?25lBye!"]
[62.00, "x", "new"]
`

// writes notes when what was written.
type writes struct {
	begun time.Time
	all   strings.Builder
	at    []time.Duration
}

func (w *writes) Write(p []byte) (int, error) {
	w.at = append(w.at, time.Since(w.begun))
	return w.all.Write(p)
}

func TestPlay(t *testing.T) {
	const text = "\x1b[1;31mHello \x1b[32mWorld\x1b[0m\n\x1b[?25lBye!\x1b[?25h\x1b[m"
	for name, tt := range map[string]struct {
		o  cast.PlayOptions
		at []time.Duration // of each event that is shown, and of the end
	}{
		"as it was": {cast.PlayOptions{}, []time.Duration{250e6, 1250e6, 61250e6, 62000e6}},
		"faster":    {cast.PlayOptions{Speed: 5}, []time.Duration{50e6, 250e6, 12250e6, 12400e6}},
		"idle":      {cast.PlayOptions{Idle: 500e6}, []time.Duration{250e6, 1000e6, 2250e6, 2750e6}},
		"from":      {cast.PlayOptions{From: time.Minute}, []time.Duration{0, 0, 1250e6, 2000e6}},
		"search":    {cast.PlayOptions{Search: "Bye"}, []time.Duration{0, 0, 0, 750e6}},
		"within":    {cast.PlayOptions{Search: "World"}, []time.Duration{0, 0, 60e9, 60750e6}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &writes{begun: time.Now()}
				if err := cast.Play(t.Context(), w, strings.NewReader(recorded), tt.o); err != nil {
					t.Fatal(err)
				}
				if w.all.String() != text {
					t.Errorf("%q, want %q", w.all.String(), text)
				}
				for i, want := range tt.at {
					if got := w.at[i]; (got - want).Abs() > time.Millisecond {
						t.Errorf("write %d at %v, want %v", i, got, want)
					}
				}
			})
		})
	}
}

// TestPlayEnds: the terminal is put back when somebody has seen enough.
func TestPlayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var w strings.Builder
		in := strings.Replace(recorded, "Hello", `\u001b[?1049h`, 1)
		err := cast.Play(ctx, &w, strings.NewReader(in), cast.PlayOptions{})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasSuffix(w.String(), "\x1b[?1049l\x1b[m") {
			t.Errorf("%q, %v", w.String(), err)
		}
	})
}

func TestPlayPlain(t *testing.T) {
	for _, tt := range []struct {
		o    cast.PlayOptions
		want string
		err  error
	}{
		{cast.PlayOptions{}, "Hello World\nBye!", nil},
		{cast.PlayOptions{From: 2 * time.Second}, "Bye!", nil},
		{cast.PlayOptions{Search: "World"}, "       0.250  Hello World\n", nil},
		{cast.PlayOptions{Search: "Bye"}, "      61.250  Bye!\n", nil},
		{cast.PlayOptions{Search: "typed"}, "", cast.ErrNotFound},
	} {
		tt.o.Plain = true
		var w strings.Builder
		err := cast.Play(t.Context(), &w, bytes.NewBufferString(recorded), tt.o)
		if w.String() != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%+v: %q, %v, want %q, %v", tt.o, w.String(), err, tt.want, tt.err)
		}
	}
	if err := cast.Play(t.Context(), io.Discard, strings.NewReader(recorded), cast.PlayOptions{Search: "typed"}); !errors.Is(err, cast.ErrNotFound) {
		t.Errorf("a text that is not there: %v", err)
	}
}

func TestReader(t *testing.T) {
	for name, in := range map[string]string{
		"empty": "", "version 3": `{"version": 3}`, "no JSON": "x", "a list": "[]", "below zero": `{"version": 2, "width": -1}`,
		"two parts": "{\"version\": 2}\n[1, \"o\"]\n[2, \"o\", \"\"]", "no time": "{\"version\": 2}\n[-1, \"o\", \"\"]\n", "no end of time": "{\"version\": 2}\n[1e300, \"o\", \"\"]\n",
		"too long": "{\"version\": 2}\n[1, \"o\", \"" + strings.Repeat("x", 5<<20) + "\"]\n",
	} {
		r, err := cast.NewReader(strings.NewReader(in))
		if err == nil {
			_, err = r.Next()
		}
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := cast.NewReader(strings.NewReader("{\"version\": 2}\n[3, \"o\", \"a\"]\n\n[2, \"o\", \"b\"]\n[4, \"o"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []time.Duration{3 * time.Second, 3 * time.Second} {
		if e, err := r.Next(); err != nil || e.Time != want {
			t.Errorf("%+v, %v", e, err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(recorded))
	f.Add([]byte("{\"version\":2}\n[1e9,\"o\",\"\\ud800\"]\n[]\n[1,2,3]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := cast.NewReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		last := time.Duration(0)
		for {
			e, err := r.Next()
			if err != nil {
				break
			}
			if e.Time < last {
				t.Errorf("%v after %v", e.Time, last)
			}
			last = e.Time
		}
		var w strings.Builder
		_ = cast.Play(t.Context(), &w, bytes.NewReader(data), cast.PlayOptions{Speed: 1e300})
		if rest, ok := tiny(w.String()); !ok {
			t.Errorf("%q is played, at %q", w.String(), rest)
		}
	})
}
