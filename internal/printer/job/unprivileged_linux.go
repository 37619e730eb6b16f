package job

import (
	"os"
	"os/exec"
	"syscall"
)

// nobody is the user that packets are taken apart as.
const nobody = 65534

// Unprivileged makes a command one that has no privileges to lose: another user, no capabilities,
// and of the environment the time zone alone.
func Unprivileged(cmd *exec.Cmd) {
	cmd.Env = []string{"PATH=/nowhere", "TZ=" + os.Getenv("TZ")}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}
