package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dlx/fault"
	"dlx/record"
	"dlx/record/cast"
)

type playOptions struct {
	cast.PlayOptions
}

func (a *app) playCommand() *cobra.Command {
	var o playOptions
	cmd := &cobra.Command{
		Use:   "play FILE|ID",
		Short: "play the recording of a session",
		Long: "Plays a recording in the terminal. Text, colours and the cursor's movement are shown, and nothing else reaches the terminal:\n" +
			"no titles, no clipboard, no links, no questions that the terminal would answer. An ID is that of an operation in `dlx audit\n" +
			"show`, whose recording is below " + stateDir(record.RecordingsDir) + ". The files are asciicast v2, which asciinema plays, too.",
		Example: "  dlx play --speed 4 --idle 1s 7Q2MHK4ZT3WX\n  dlx play --plain --search password session.cast",
		Args:    exactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.play(cmd.Context(), args[0], &o) },
	}
	f := cmd.Flags()
	f.Float64Var(&o.Speed, "speed", 1, "how many times as fast")
	f.DurationVar(&o.Idle, "idle", 0, "the longest that nothing happens, as in 2s (default: as it was)")
	f.DurationVar(&o.From, "from", 0, "begin so far in")
	f.StringVar(&o.Search, "search", "", "begin where a text appears; with --plain, the lines that have it, each with its time in seconds")
	f.BoolVar(&o.Plain, "plain", false, "text alone, at once")
	return cmd
}

func (a *app) play(ctx context.Context, name string, o *playOptions) error {
	if o.Speed <= 0 || o.Idle < 0 || o.From < 0 {
		return &usageError{errors.New("--speed, --idle and --from are above zero")}
	}
	f, err := openRecording(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // was only read
	if err := a.giveUp("play", ""); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	head := cast.Header{}
	o.Begun = func(h cast.Header) { head = h }
	err = cast.Play(ctx, a.stdout, f, o.PlayOptions)
	if !o.Plain {
		a.smaller(head) // what is said before is not there for long
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return context.Canceled
	case gone(err):
		return nil // whoever read it has had enough
	}
	return err
}

// openRecording opens a file, or the recording of an operation on this machine.
func openRecording(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err == nil || !record.ValidID(name) || !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			err = fmt.Errorf("read the recording: %w", err)
		}
		return f, err
	}
	f, err = os.Open(filepath.Join(stateDir(record.RecordingsDir), strings.TrimSuffix(name, cast.Suffix)+cast.Suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NoRecording, name, "no recording %s: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	return f, nil
}

// smaller says so if the terminal is smaller than the one that was recorded.
func (a *app) smaller(h cast.Header) {
	out, ok := a.stdout.(*os.File)
	if !ok {
		return
	}
	if cols, rows, err := term.GetSize(int(out.Fd())); err == nil && (h.Width > cols || h.Height > rows) {
		a.notef("the recording begins with %d columns and %d rows, and the terminal has %d and %d", h.Width, h.Height, cols, rows)
	}
}
