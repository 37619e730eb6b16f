package capture

import "errors"

// ErrPermission reports that packet sockets are not allowed.
var ErrPermission = errors.New("no permission to capture: it takes CAP_NET_RAW")
