//go:build race

package filter_test

// every is which part of the corpus is run: the race detector makes the virtual machine ten times
// slower. scripts/test.sh runs all of it without.
const every = 16
