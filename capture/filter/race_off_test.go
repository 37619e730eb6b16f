//go:build !race

package filter_test

const every = 1
