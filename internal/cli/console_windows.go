package cli

import (
	"os"
	"syscall"
)

// passedOn are the signals that a session's command gets from dlx.
var passedOn = []os.Signal{os.Interrupt}

func isWindowChange(syscall.Signal) bool { return false }

func ends(syscall.Signal) bool { return false }

func (c *console) suspend(syscall.Signal) {}
