// Package seccomp has filters of system calls for sessions whose container's own can not be copied.
// They are Docker's default profile (github.com/moby/profiles), as the runtime applies it to a
// container of certain capabilities, and what a profile's tools need beyond that. The command in
// gen compiles them ahead of time (`make generate`). They are embedded, and cost a start nothing.
//
// A filter knows the architectures whose programs the kernel runs: amd64 and i386, or arm64 and
// 32-bit arm. ENOSYS is what calls get that are of the x32 ABI or newer than the profile, as on a
// kernel without them. What the profile does not name gets EPERM.
package seccomp
