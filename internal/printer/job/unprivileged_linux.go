package job

import (
	"os"
	"os/exec"
	"syscall"

	"dlx/internal/linux"
)

// Unprivileged makes a command one that has no privileges to lose: nobody's, without capabilities,
// and with the time zone alone of the environment.
func Unprivileged(cmd *exec.Cmd) {
	cmd.Env = []string{"PATH=/nowhere", "TZ=" + os.Getenv("TZ")}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 && linux.InitialUserNS() { // another namespace may have no such user
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: linux.Nobody, Gid: linux.Nobody}
	}
}
