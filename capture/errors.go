package capture

import (
	"errors"
	"fmt"
	"strings"
)

// NoInterfaceError reports an interface that the namespace does not have.
type NoInterfaceError struct {
	Name  string
	There []string
}

func (e *NoInterfaceError) Error() string { return fmt.Sprintf("no interface %q", e.Name) }

// Hint names those that there are.
func (e *NoInterfaceError) Hint() string {
	if len(e.There) == 0 {
		return "the container has no network"
	}
	return "interfaces: " + strings.Join(e.There, ", ")
}

// ErrPermission reports that packet sockets are not allowed.
var ErrPermission = errors.New("no permission to capture: it takes CAP_NET_RAW")
