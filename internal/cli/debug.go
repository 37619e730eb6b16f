package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/toolbox"
)

// debugOptions are the flags of `dlx debug`.
type debugOptions struct {
	fs, profile, user, dir string
	env                    []string
	clearEnv, keepEnv      bool
	readOnly               bool
	interactive, tty       bool
	interactiveSet, ttySet bool
	toolboxes              []string
	timeout                time.Duration
	timeoutSet, pidsSet    bool
	memory                 byteSize
	pids                   int64
	verbose                bool
	devices                []string
	holdOptions
	stopped bool
}

const defaultPids = 512

func (a *app) debugCommand() *cobra.Command {
	var o debugOptions
	cmd := &cobra.Command{
		Use:   "debug TARGET [flags] [COMMAND ARG...]",
		Short: "open a shell, or run a command, in a container",
		Long: "Runs a shell, or COMMAND, in the container's namespaces. What comes behind COMMAND is its own, flags too; -- may stand before it.\n\n" +
			"--fs toolbox (default)  the container's live files at /, a verified toolbox at /dev/.dlx and first on PATH;\n" +
			"                        the container sees nothing of it, and nothing of it stays\n" +
			"--fs host               the host's files with the container's /proc, network, host name and IPC\n" +
			"--fs target             the container's files, and nothing else\n\n" +
			holdHelp +
			"--stopped TARGET, or image://REF as TARGET, opens the files of a container that does not run, or of an image. Nothing\n" +
			"is started, nothing of theirs is written, and COMMAND can be their own program, as under strace. netns://NAME is a\n" +
			"network namespace that no container stands for, with --fs host.\n\n" +
			"The exit status is the command's, 128+N for signal N; 124 when --timeout ended it, 125 when dlx itself failed,\n" +
			"126 when the command can not be run, 127 when it is not there.",
		Example: "  dlx debug web\n  dlx debug web ss -tlnp\n  echo hello | dlx debug web cat\n  dlx debug web --fs host -- tcpdump -ni any\n" +
			"  dlx debug --stopped web -- strace -f /srv\n  dlx debug image://nginx:1.27 -- ls /etc/nginx",
		Args:              targetArgs(1),
		ValidArgsFunction: a.completeTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.interactiveSet, o.ttySet = cmd.Flags().Changed("interactive"), cmd.Flags().Changed("tty")
			o.timeoutSet, o.pidsSet = cmd.Flags().Changed("timeout"), cmd.Flags().Changed("pids-limit")
			return a.runDebug(cmd.Context(), args[0], args[1:], o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.interactive, "interactive", "i", false, "pass standard input on (default: unless it is a terminal and there is no --tty)")
	f.BoolVarP(&o.tty, "tty", "t", false, "give the command a terminal (default: when standard input and output are one)")
	f.StringVar(&o.fs, "fs", string(engine.FSToolbox), "what is at /: toolbox, host or target")
	f.StringVar(&o.profile, "profile", "general", "what the session may do: general, baseline, restricted, netadmin or sysadmin")
	f.StringVarP(&o.user, "user", "u", "", "user[:group], by number or by the container's /etc/passwd (default: root)")
	f.StringVarP(&o.dir, "workdir", "w", "", "working directory (default: the container's)")
	f.StringArrayVarP(&o.env, "env", "e", nil, "set NAME=VALUE, or pass NAME on")
	f.BoolVar(&o.clearEnv, "clear-env", false, "leave the container's variables out")
	f.BoolVar(&o.keepEnv, "keep-env", false, "take all of the container's variables, also those by which tools would run or load what it chose")
	a.toolboxFlag(cmd, &o.toolboxes, "show")
	f.BoolVar(&o.readOnly, "read-only", false, "mount everything read-only in the session, which has no SYS_ADMIN then, under profile sysadmin neither")
	f.DurationVar(&o.timeout, "timeout", 0, "end the session after this long (default: never)")
	f.Var(&o.memory, "memory", "memory limit of the session (default 1g)")
	f.StringArrayVar(&o.devices, "device", nil, "let the session open a device of the host's too: /dev/NAME, or /dev/NAME:r to read only")
	f.BoolVar(&o.stopped, "stopped", false, "open the files of a container that does not run, read-only, with a layer on top that goes with the session")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say what restrains the session")
	f.Int64Var(&o.pids, "pids-limit", defaultPids, "limit of processes and threads, 1 or more")
	o.holdFlags(cmd)
	mustComplete(cmd, "fs", "toolbox", "host", "target")
	mustComplete(cmd, "profile", "general", "baseline", "restricted", "netadmin", "sysadmin")
	return cmd
}

// check reports numbers that mean nothing, and flags that contradict each other.
func (o *debugOptions) check() error {
	if err := o.checkHold(); err != nil {
		return err
	}
	switch {
	case o.timeout < 0 || o.timeoutSet && o.timeout == 0:
		return &usageError{fmt.Errorf("--timeout is a time above zero, not %s", o.timeout)}
	case o.clearEnv && o.keepEnv:
		return &usageError{errors.New("--clear-env leaves the container's variables out, --keep-env takes all of them: choose one")}
	case o.pids < 1:
		return &usageError{fmt.Errorf("--pids-limit is a number above zero, not %d", o.pids)}
	}
	return nil
}

func (a *app) runDebug(ctx context.Context, target string, command []string, o debugOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	if done, err := a.asRoot(ctx, []string{target}); done || err != nil {
		return err
	}
	if err := a.giveUp("debug", o.profile); err != nil {
		return err
	}
	env, err := expandEnv(o.env)
	if err != nil {
		return err
	}
	tty := a.wantsTTY(o)
	req := engine.DebugRequest{
		Target: target, Stopped: o.stopped, FS: engine.FS(o.fs), Profile: o.profile, User: o.user, Dir: o.dir, Env: env, ClearEnv: o.clearEnv, KeepEnv: o.keepEnv,
		Command: command, TTY: tty, Term: os.Getenv("TERM"), ReadOnly: o.readOnly, Timeout: o.timeout,
		Memory: int64(o.memory), Toolboxes: toolboxRefs(o.toolboxes), Devices: o.devices, Hold: o.hold(),
	}
	if o.pidsSet {
		req.Pids = o.pids
	}
	return a.withEngine(func(e engine.Engine) (err error) {
		con := newConsole(a, tty, a.wantsStdin(o, tty))
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		streams := con.open(ctx, cancel)
		if tty || len(o.toolboxes) > 0 {
			streams.Placed = func(parts []toolbox.Part) { a.sayToolboxes(parts, tty && len(command) == 0) }
		}
		if tty || o.verbose {
			streams.LeftOut = func(names []string) { a.sayLeftOut(names, o.verbose) }
		}
		streams.Held = a.sayHeld
		streams.Still = a.sayStill
		streams.Began = func() {
			a.notef("container %s was started: its files may change under this session from now on", target)
		}
		streams.Restrained = func(r engine.Restraints) { a.sayRestraints(r, o.verbose) }
		defer func() { err = errors.Join(err, con.close()) }()
		a.code, err = e.Debug(ctx, req, streams)
		return err
	})
}

// sayToolboxes says what is brought along, and who vouches for it.
func (a *app) sayToolboxes(parts []toolbox.Part, atPrompt bool) {
	for i, p := range parts {
		how := ""
		if atPrompt && i == 0 {
			how = "; tools: type 'tools'"
		}
		a.notef("toolbox %s%s", p, how)
	}
}

// sayLeftOut says which of the container's variables a session goes without.
func (a *app) sayLeftOut(names []string, verbose bool) {
	if verbose {
		a.notef("left out of the container's variables: %s", strings.Join(names, ", "))
		return
	}
	a.notef("%d of the container's variables are left out: --keep-env takes all, -v names them", len(names))
}

// sayRestraints says what holds the session back, or that little does.
func (a *app) sayRestraints(r engine.Restraints, verbose bool) {
	if verbose {
		a.notef("%s", r)
	}
	if r.Unlimited && !verbose {
		a.notef("nothing limits the session's memory and processes: this user may make no control group")
	}
	if r.Privileged {
		a.notef("the container is privileged: it shares the host by design, and so does what runs in it")
	}
}

// wantsTTY says whether the command gets a terminal.
func (a *app) wantsTTY(o debugOptions) bool {
	if o.ttySet {
		return o.tty
	}
	return isTerminal(a.stdin) && isTerminal(a.stdout) && (!o.interactiveSet || o.interactive)
}

// wantsStdin says whether standard input is passed on. A terminal that is only dlx's own is left to
// whoever else reads it, as in `dlx debug web -- ls | less`.
func (a *app) wantsStdin(o debugOptions, tty bool) bool {
	if o.interactiveSet {
		return o.interactive
	}
	return tty || !isTerminal(a.stdin)
}

// expandEnv turns NAME into NAME=VALUE of dlx's own environment, as docker does; one that is not
// set is left out.
func expandEnv(list []string) ([]string, error) {
	var out []string
	for _, s := range list {
		name, _, ok := strings.Cut(s, "=")
		if name == "" {
			return nil, &usageError{fmt.Errorf("bad environment variable %q", s)}
		}
		if value, set := os.LookupEnv(name); !ok && set {
			s, ok = name+"="+value, true
		}
		if ok {
			out = append(out, s)
		}
	}
	return out, nil
}
