package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"dlx/fault"
)

// sshAddress is an agent on a host that the user reaches by ssh(1): the remote dlx connects to it
// as the user that one is there.
type sshAddress struct {
	destination string // [USER@]HOST
	port        string // "": ssh's own
	socket      string // "": the host's own agent
}

// parseSSH reads ssh://[USER@]HOST[:PORT][/SOCKET]. What a remote shell would see as more than a
// word is refused.
func parseSSH(text string) (*sshAddress, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "ssh" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, false
	}
	a := &sshAddress{destination: u.Hostname(), port: u.Port(), socket: strings.TrimSuffix(u.Path, "/")}
	if u.User != nil {
		if _, secret := u.User.Password(); secret {
			return nil, false
		}
		a.destination = u.User.Username() + "@" + a.destination
	}
	return a, plainWord(a.destination) && plainWord(a.socket) && !strings.HasPrefix(a.destination, "-")
}

func plainWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-@:", r)
	})
}

func (a *sshAddress) String() string {
	host := a.destination
	if a.port != "" {
		host += ":" + a.port
	}
	return "ssh://" + host + a.socket
}

// command is what ssh is run with.
func (a *sshAddress) command() []string {
	args := []string{"-T"}
	if a.port != "" {
		args = append(args, "-p", a.port)
	}
	args = append(args, "--", a.destination, "dlx", "agent", "connect")
	if a.socket != "" {
		args = append(args, "--socket", a.socket)
	}
	return args
}

func (a *sshAddress) dial(context.Context) (net.Conn, error) {
	in, toSSH, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	fromSSH, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close(), toSSH.Close())
	}
	cmd := exec.Command("ssh", a.command()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, os.Stderr // who is asked for a password is asked at the terminal
	err = cmd.Start()
	_ = errors.Join(in.Close(), out.Close())
	if err != nil {
		return nil, errors.Join(fault.New(fault.NoAgent, a.String(), "no way to %s: %w", a, err), toSSH.Close(), fromSSH.Close())
	}
	return &sshConn{cmd: cmd, from: fromSSH, to: toSSH, at: a.String()}, nil
}

// sshConn is a connection through a running ssh.
type sshConn struct {
	cmd      *exec.Cmd
	from, to *os.File
	at       string
	once     sync.Once
	err      error
}

// sshEnd is how long ssh may take to end once nothing is to be carried.
const sshEnd = 2 * time.Second

func (c *sshConn) Read(p []byte) (int, error)  { return c.from.Read(p) }
func (c *sshConn) Write(p []byte) (int, error) { return c.to.Write(p) }

// Close ends ssh.
func (c *sshConn) Close() error {
	c.once.Do(func() {
		c.err = errors.Join(c.to.Close(), c.from.Close())
		kill := time.AfterFunc(sshEnd, func() { _ = c.cmd.Process.Kill() })
		defer kill.Stop()
		_ = c.cmd.Wait() // its end says nothing of what was carried
	})
	return c.err
}

func (c *sshConn) LocalAddr() net.Addr  { return sshAddr("here") }
func (c *sshConn) RemoteAddr() net.Addr { return sshAddr(c.at) }

func (c *sshConn) SetDeadline(t time.Time) error {
	return errors.Join(c.from.SetReadDeadline(t), c.to.SetWriteDeadline(t))
}
func (c *sshConn) SetReadDeadline(t time.Time) error  { return c.from.SetReadDeadline(t) }
func (c *sshConn) SetWriteDeadline(t time.Time) error { return c.to.SetWriteDeadline(t) }

type sshAddr string

func (sshAddr) Network() string  { return "ssh" }
func (a sshAddr) String() string { return fmt.Sprint(string(a)) }
