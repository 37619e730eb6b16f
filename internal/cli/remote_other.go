//go:build !linux

package cli

func mayAskLocalAgent() bool { return false }
