package linux

import "fmt"

// since is the kernel release that brought a system call, as its manual page says, of those that a
// message is to name.
var since = map[string]string{
	"mount_setattr": "5.12",
	"openat2":       "5.6",
	"pidfd_open":    "5.3",
}

// NoCallError reports a system call that the kernel does not have. It is ErrNoSys.
type NoCallError struct{ Call, Since string }

func (e *NoCallError) Error() string { return fmt.Sprintf("%s: %v", e.Call, ErrNoSys) }
func (e *NoCallError) Unwrap() error { return ErrNoSys }

// Hint says what has it.
func (e *NoCallError) Hint() string { return e.Call + " needs Linux " + e.Since + " or newer" }
