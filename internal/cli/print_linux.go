package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dlx/capture/dissect"
	"dlx/capture/pcapng"
)

// Packets are taken apart by a process of its own, which has no privileges to lose: another user, no capabilities, and
// nothing but a pipe to read from and the terminal to write to.

const printerName = "print-packets"

// nobody is the user that it runs as.
const nobody = 65534

// printer is the process, with what it reads from.
type printer struct {
	io.WriteCloser
	cmd *exec.Cmd
}

// startPrinter starts it.
func (a *app) startPrinter() (io.WriteCloser, error) {
	cmd := &exec.Cmd{
		Path:   "/proc/self/exe",
		Args:   []string{"dlx", printerName},
		Env:    []string{"PATH=/nowhere", "TZ=" + os.Getenv("TZ")},
		Dir:    "/",
		Stdout: a.stdout,
		Stderr: a.stderr,
		SysProcAttr: &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: nobody, Gid: nobody},
			Setpgid:    true, // Ctrl-C is for dlx, which lets it print what is left
		},
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Credential = nil
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(&printerError{err}, in.Close())
	}
	return &printer{in, cmd}, nil
}

// printerError says that the process could not be started.
type printerError struct{ err error }

func (e *printerError) Error() string {
	return "start the process that prints packets: " + e.err.Error()
}
func (e *printerError) Unwrap() error { return e.err }

// Hint says what keeps it from starting, if that is known.
func (e *printerError) Hint() string {
	if errors.Is(e.err, os.ErrPermission) {
		return "it runs as nobody: make the dlx program executable for everybody, or use -w"
	}
	return ""
}

// Close lets it print what is left and waits for it.
func (p *printer) Close() error {
	err := p.WriteCloser.Close()
	if werr := p.cmd.Wait(); werr != nil {
		err = errors.Join(err, fmt.Errorf("print packets: %w", werr))
	}
	return err
}

func (a *app) printCommand() *cobra.Command {
	return &cobra.Command{
		Use:    printerName,
		Hidden: true,
		Args:   exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			signal.Ignore(syscall.SIGINT, syscall.SIGTTOU)
			return printPackets(a.stdin, a.stdout)
		},
	}
}

// printPackets prints a line for each packet of a capture file, at once when there is nothing more to read.
func printPackets(from io.Reader, to io.Writer) error {
	r := pcapng.NewReader(from)
	w := bufio.NewWriter(to)
	for {
		p, err := r.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, w.Flush())
		}
		i := r.Interface(&p)
		line := dissect.Line(&dissect.Packet{
			Time: time.Unix(0, int64(p.Time)), Interface: i.Name, Link: i.LinkType, Direction: directions[p.Direction],
			Data: p.Data, Length: int(p.Length),
		})
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
		if !r.Buffered() {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

var directions = map[pcapng.Direction]string{pcapng.In: "In", pcapng.Out: "Out"}
