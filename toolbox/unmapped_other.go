//go:build !linux

package toolbox

func unmapped(int) bool { return false }
