package agent

import (
	"fmt"
	"net"
	"os"
	"time"
)

// notifyLimit is how long systemd may take to take a word.
const notifyLimit = time.Second

// notifier tells systemd how the agent is (sd_notify(3)). A nil one tells nobody.
type notifier struct{ socket *net.UnixConn }

// newNotifier is for the variable of systemd's, which nothing that is started is to see.
func newNotifier() (*notifier, error) {
	const variable = "NOTIFY_SOCKET"
	path := os.Getenv(variable)
	if path == "" {
		return nil, nil //nolint:nilnil // nobody wants to know
	}
	if err := os.Unsetenv(variable); err != nil {
		return nil, err
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: path}) // "@" is an abstract one's
	if err != nil {
		return nil, fmt.Errorf("connect to systemd: %w", err)
	}
	return &notifier{conn}, nil
}

// say tells a state, such as READY=1.
func (n *notifier) say(state string) error {
	if n == nil {
		return nil
	}
	if err := n.socket.SetWriteDeadline(time.Now().Add(notifyLimit)); err != nil {
		return err
	}
	if _, err := n.socket.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell systemd %s: %w", state, err)
	}
	return nil
}

func (n *notifier) close() error {
	if n == nil {
		return nil
	}
	return n.socket.Close()
}

// notify tells systemd a state. The work goes on without it.
func (a *Agent) notify(n *notifier, state string) {
	if err := n.say(state); err != nil {
		a.c.Log.Warn("systemd does not hear how the agent is", "error", err)
	}
}
