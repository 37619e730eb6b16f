package cli

import (
	"errors"
	"io"
	"net"

	"github.com/spf13/cobra"

	"dlx/agent/client"
)

// agentConnectCommand is the far end of --agent ssh://HOST.
func (a *app) agentConnectCommand() *cobra.Command {
	socket := client.LocalSocket
	cmd := &cobra.Command{
		Use:   "connect",
		Short: "carry bytes between standard input and output and an agent's socket, for --agent ssh://HOST",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			conn, err := net.Dial("unix", socket)
			if err != nil {
				return err
			}
			return errors.Join(a.carry(conn), conn.Close())
		},
	}
	cmd.Flags().StringVar(&socket, "socket", socket, "where the agent listens")
	return cmd
}

// carry ends when either end does.
func (a *app) carry(conn net.Conn) error {
	done := make(chan error, 2)
	go func() {
		_, err := io.Copy(conn, a.stdin)
		done <- err
	}()
	go func() {
		_, err := io.Copy(a.stdout, conn)
		done <- err
	}()
	return <-done
}
