//go:build !linux

// Package role runs a program as what its name says; on this system it is dlx and nothing else.
package role

// Other is false: there are no other roles here.
func Other([]string) (code int, ok bool) { return 0, false }
