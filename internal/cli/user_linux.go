package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"dlx/internal/linux"
)

// invoker is the user that dlx works for, if dlx runs as another one.
type invoker struct {
	credential *syscall.Credential // nil: the same user
	env        []string
}

// invokingUser is who called sudo (sudo(8), SUDO_UID), or who runs dlx.
func invokingUser() (*invoker, error) {
	uid := os.Getenv("SUDO_UID")
	if os.Geteuid() != 0 || uid == "" || uid == "0" {
		return &invoker{env: os.Environ()}, nil
	}
	c, err := credentialOf(uid, os.Getenv("SUDO_GID"))
	if err != nil {
		return nil, err
	}
	return &invoker{c, environmentOf(uid)}, nil
}

// credentialOf is a user's, with all of the user's groups.
func credentialOf(uid, gid string) (*syscall.Credential, error) {
	u, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return nil, &usageError{fmt.Errorf("SUDO_UID is %q and no number", uid)}
	}
	g, err := strconv.ParseUint(gid, 10, 32)
	if err != nil {
		return nil, &usageError{fmt.Errorf("SUDO_GID is %q and no number", gid)}
	}
	c := &syscall.Credential{Uid: uint32(u), Gid: uint32(g), Groups: []uint32{uint32(g)}}
	if known, err := user.LookupId(uid); err == nil {
		ids, _ := known.GroupIds() // a user whose groups are not known keeps the one that is
		for _, id := range ids {
			if n, err := strconv.ParseUint(id, 10, 32); err == nil && !slices.Contains(c.Groups, uint32(n)) {
				c.Groups = append(c.Groups, uint32(n))
			}
		}
	}
	return c, nil
}

// environmentOf is the environment from which a user called sudo, which keeps most of it from dlx:
// the display, the session's bus, PATH. sudo itself, an ancestor of dlx, was started with it.
func environmentOf(uid string) []string {
	env := os.Environ()
	for pid, n := os.Getppid(), 0; pid > 1 && n < maxAncestors; pid, n = linux.Parent(pid), n+1 {
		data := procFile(pid, "environ")
		if len(data) == 0 || variable(pid, "SUDO_UID") != "" {
			continue
		}
		env = strings.Split(string(bytes.TrimSuffix(data, []byte{0})), "\x00")
		break
	}
	env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, "SUDO_") })
	if known, err := user.LookupId(uid); err == nil {
		for name, value := range map[string]string{"HOME": known.HomeDir, "USER": known.Username, "LOGNAME": known.Username} {
			env = setVariable(env, name, value)
		}
	}
	runtime := "/run/user/" + uid // pam_systemd(8)
	if _, err := os.Stat(runtime); err == nil {
		env = setVariable(env, "XDG_RUNTIME_DIR", runtime)
	}
	return env
}

func setVariable(env []string, name, value string) []string {
	env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	return append(env, name+"="+value)
}

// lookPath finds a program on the user's PATH.
func (u *invoker) lookPath(name string) (string, error) {
	list := ""
	for _, v := range u.env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			list = value
		}
	}
	for _, dir := range filepath.SplitList(list) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no program %q on PATH %s", name, list)
}
