// Package linux is the kernel boundary of dlx. Only it imports golang.org/x/sys/unix for raw calls.
//
// It gives owned descriptors instead of ints, wraps each error with the call that failed, and
// retries what the manual pages say is to be retried. Everything above it speaks in its types. On
// other systems the package is empty.
package linux
