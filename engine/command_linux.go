package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"dlx/fault"
	"dlx/inject"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/internal/rootfs"
	"dlx/nsutil"
	"dlx/shell"
	"dlx/toolbox"
	"dlx/toolbox/layout"
)

// defaultPath is Docker's default PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// sealedInit copies dlx-init into a sealed memory file while verifying it.
func sealedInit(box *toolbox.Verified) (*linux.FD, error) {
	path := layout.Init
	if !box.Has(path) {
		path = layout.Tools
	}
	fd, err := linux.SealedProgram("dlx-init", func(w io.Writer) error { return box.CopyTo(w, path) })
	if err != nil {
		return nil, fmt.Errorf("seal the session's first process: %w", err)
	}
	return fd, nil
}

// lookUp resolves who the session runs as, by the files that the session will see.
func (d *debug) lookUp(ctx context.Context) (err error) {
	spec := d.req.User
	if spec == "" {
		spec = d.profile.DefaultUser()
	}
	files := d.target.Process.Files
	if d.req.FS == FSHost {
		files = rootfs.Own
	}
	root, err := files()
	if err != nil {
		return err
	}
	d.accounts, err = shell.ReadAccounts(ctx, root)
	failpoint.At("debug.user")
	if err = errors.Join(err, root.Close()); err != nil {
		return err
	}
	d.user, err = d.accounts.Find(spec)
	return err
}

// dir is the session's working directory.
func (d *debug) dir() string {
	switch {
	case d.req.Dir != "":
		return d.req.Dir
	case d.req.FS == FSHost || d.target.WorkingDir == "":
		return "/"
	}
	return d.target.WorkingDir
}

// command returns argv, the environment, and the names of the target's variables that it lacks.
func (d *debug) command() (argv, list, left []string, err error) {
	var env shell.Environment
	if !d.req.ClearEnv && d.req.FS != FSHost {
		theirs, err := d.target.Environ()
		if errors.Is(err, nsutil.ErrTooLong) {
			return nil, nil, nil, shell.TooMuchEnvironment()
		}
		if err != nil {
			return nil, nil, nil, err
		}
		which := shell.InheritAll
		if d.req.FS == FSToolbox && !d.req.KeepEnv {
			which = shell.InheritHarmless
		}
		left = env.AddTarget(theirs, which)
	}
	d.baseEnv(&env)
	for _, s := range d.req.Env {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, nil, nil, fault.New(fault.BadVariable, s, "bad environment variable %.64q", s)
		}
		env.Set(name, value)
	}
	argv = d.argv()
	if err := shell.CheckArgs(argv); err != nil {
		return nil, nil, nil, err
	}
	list, err = env.List()
	return argv, list, left, err
}

// baseEnv sets what every session has.
func (d *debug) baseEnv(env *shell.Environment) {
	path := env.Get("PATH")
	if path == "" {
		path = defaultPath
	}
	if env.Get("HOME") == "" {
		env.Set("HOME", d.user.Home)
	}
	if d.req.TTY {
		term := d.req.Term
		if term == "" {
			term = "xterm"
		}
		env.Set("TERM", term)
	}
	if d.req.FS == FSToolbox {
		path = inject.ToolboxDir + "/" + layout.Bin + ":" + path
		d.toolEnv(env)
	}
	env.Set("PATH", path)
	env.Set("DLX_TARGET", d.target.Name)
}

// toolEnv has the tools find what is theirs, and nothing of the container's in its place.
func (d *debug) toolEnv(env *shell.Environment) {
	env.Set("HOME", inject.HomeDir)
	env.Set("SSL_CERT_FILE", inject.ToolboxDir+"/"+layout.Roots)
	env.Set("INPUTRC", "/dev/null") // readline would look into /etc
	env.Set("PS1", promptName(d.target.Name)+`:\w\$ `)
	env.Set("SHELL", inject.ToolboxDir+"/"+d.shell())
	// Other locales are files of the container's, and so are messages: formats of printf(3).
	env.Set("LANG", "C.UTF-8")
	env.Set("LC_MESSAGES", "C")
}

// promptName is a name for a prompt, in which shells expand `$`, backticks and `\` (bash(1),
// "PROMPTING").
func promptName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.:/@+-", r) {
			return r
		}
		return '?'
	}, name)
}

// argv is what was asked for, or a shell.
func (d *debug) argv() []string {
	switch {
	case len(d.req.Command) > 0:
		return d.req.Command
	case d.req.FS == FSHost:
		return []string{"/bin/sh"}
	case d.req.FS == FSTarget:
		return []string{"sh"}
	}
	shell := d.shell()
	if shell != layout.Bash {
		return []string{path.Base(shell)}
	}
	return []string{path.Base(shell), "--noprofile", "--norc"}
}

// shell is the toolbox's, as a path in it: bash if it has that.
func (d *debug) shell() string {
	if d.tools.Has(layout.Bash) {
		return layout.Bash
	}
	return layout.Sh
}

// hostIsSafe refuses a session with the host's files that a process of a container could trace:
// that could use them through /proc/PID/root (ptrace(2), "Ptrace access mode checking"). A target
// with CAP_SYS_ADMIN has the host anyway, and one with the host's files has these already.
func (d *debug) hostIsSafe() error {
	ours, err := d.profile.Capabilities()
	if err != nil {
		return err
	}
	if d.req.User != "" && !isRoot(d.req.User) {
		ours = 0
	}
	// Any container that shares the host's processes sees the session.
	if ours&^shell.ContainerCapabilities == 0 {
		return d.exposed("the session would hold no capability that containers lack")
	}
	same, err := d.target.Process.SharesFiles()
	if err != nil || same {
		return err
	}
	status, err := d.target.Process.Status()
	if err != nil {
		return err
	}
	theirs, err := status.BoundingSet()
	switch {
	case err != nil || theirs.Has(linux.CapSysAdmin):
		return err
	case theirs.Has(linux.CapSysPtrace):
		return d.exposed("it may hold CAP_SYS_PTRACE")
	case ours&^theirs == 0:
		return d.exposed("the session would hold no capability that the container lacks")
	}
	return nil
}

func (d *debug) exposed(why string) error {
	return fault.New(fault.HostExposed, d.target.Name, "container %q could trace a session that has the host's files: %s", d.target.Name, why)
}

func isRoot(spec string) bool {
	name, _, _ := strings.Cut(spec, ":")
	return name == "0" || name == "root"
}
