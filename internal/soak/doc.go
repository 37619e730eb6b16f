// Package soak has the tests that run many sessions, after one another and at once, and want the
// process and the host to hold no more afterwards than before. `make soak` is their long form.
package soak
