//go:build !linux

package audit

// Running says whether a log has a writer. Nothing is written here.
func Running(string) (bool, error) { return false, nil }
