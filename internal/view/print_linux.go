package view

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"dlx/capture/replay"
)

// nobody is the user that packets are taken apart as.
const nobody = 65534

// Unprivileged makes a command one that has no privileges to lose: another user, no capabilities,
// and of the environment the time zone alone.
func Unprivileged(cmd *exec.Cmd) {
	cmd.Env = []string{"PATH=/nowhere", "TZ=" + os.Getenv("TZ")}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

// Process is what such a command runs.
type Process struct {
	Options Options
	Stall   time.Duration // of CPU time without anything being read; 0 for a default
	live    bool          // a capture that goes on
}

// Define adds its flags to a set.
func (p *Process) Define(f *pflag.FlagSet) {
	p.Options.Flags.Define(f)
	f.BoolVar(&p.live, "live", false, "")
	f.BoolVar(&p.Options.Process, "process", false, "")
	f.BoolVar(&p.Options.Copy, "copy", false, "")
	f.Uint64Var(&p.Options.Count, "count", 0, "")
}

// Run is Show, except that a live capture is not ended by Ctrl-C, and may never begin: who captures
// says so.
func (p *Process) Run(ctx context.Context, from io.Reader, to io.Writer) (notes []string, err error) {
	if p.live {
		signal.Ignore(syscall.SIGINT, syscall.SIGTTOU)
	}
	p.Options.confine = Confine
	c := &counted{Reader: from}
	var shown []string
	err = c.bound(cmp.Or(p.Stall, stallLimit), func() (err error) {
		shown, err = Show(ctx, c, to, &p.Options)
		return err
	})
	if stalled := (*StallError)(nil); errors.As(err, &stalled) {
		return nil, err // Show may go on, and the notes are its own
	}
	if p.live && errors.Is(err, replay.ErrEmpty) {
		err = nil
	}
	return shown, err
}
