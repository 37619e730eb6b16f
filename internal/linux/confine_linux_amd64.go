package linux

import "golang.org/x/sys/unix"

const auditArch = AuditAMD64

// oldCalls are those that newer architectures have no more.
var oldCalls = []int{unix.SYS_EPOLL_WAIT, unix.SYS_POLL, unix.SYS_TIME}
