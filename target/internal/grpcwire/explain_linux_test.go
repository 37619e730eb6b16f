package grpcwire_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"dlx/fault"
)

// TestExplain: a socket that may not be used is told apart from one that is not there, and from a
// runtime that answers something.
func TestExplain(t *testing.T) {
	c := open(t, "/s")
	for cause, want := range map[error]error{
		&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)}:       fault.SocketDenied,
		&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}: fault.NoRuntime,
		&net.OpError{Op: "dial", Err: context.Canceled}:                                    context.Canceled,
		&net.OpError{Op: "read", Err: syscall.ECONNRESET}:                                  syscall.ECONNRESET,
	} {
		if err := c.Explain(fmt.Errorf("call: %w", cause), "ask"); !errors.Is(err, want) {
			t.Errorf("%v is %v, want %v", cause, err, want)
		}
	}
}
