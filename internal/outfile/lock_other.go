//go:build !unix

package outfile

// Locked runs f. There is no lock on this system.
func Locked(_ string, f func() error) error { return f() }
