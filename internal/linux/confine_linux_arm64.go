package linux

const auditArch = AuditARM64

// oldCalls are those that newer architectures have no more.
var oldCalls []int
