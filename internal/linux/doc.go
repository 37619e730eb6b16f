// Package linux is the kernel boundary of dlx. Only it imports golang.org/x/sys/unix for raw calls.
//
// It gives owned descriptors instead of ints, wraps each error with
// the call that failed, and retries where the manual pages say so.
// All above it speaks in its types. On other systems it is empty.
package linux
