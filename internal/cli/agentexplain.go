package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dlx/agent/policy"
	"dlx/engine"
	"dlx/internal/printable"
	"dlx/shell"
	"dlx/target"
	"dlx/toolbox"
)

// explainOptions are the flags of `dlx agent policy explain`: what an engine would tell an agent.
type explainOptions struct {
	file                string
	groups              []string
	image               string
	labels, host        []string
	stopped, privileged bool
	profile, fs, user   string
	devices, toolboxes  []string
	filter, reason      string
	timeout, hold       time.Duration
	memory              byteSize
	pids                int64
}

const explainHelp = "Asks the policy as an agent does, and names the line that decides. The exit status is 0 where it allows, 1 where it\n" +
	"does not.\n\n" +
	"USER is a name or a number of this host, whose groups are looked up, or a certificate's name: DNS:NAME, URI:URI,\n" +
	"email:ADDRESS.\n" +
	"TARGET is not looked for, and need not be there: it is RUNTIME://NAME (podman://UID/NAME is another user's), image://REF,\n" +
	"netns://NAME or pid://N, and flags say what a runtime would tell of it. What no flag says it does not have. For the verbs\n" +
	"without a target there is none."

func (a *app) policyExplainCommand() *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain USER VERB [TARGET]",
		Short: "say whether a policy allows something, and by which line",
		Long:  explainHelp,
		Example: "  dlx agent policy explain alice debug docker://web --image nginx:1.27 --label team=shop --profile sysadmin\n" +
			"  dlx agent policy explain URI:spiffe://example.com/oncall/bob capture containerd://k8s.io/1f2e --filter 'port 80'\n" +
			"  dlx agent policy explain 1000 sessions",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 || len(args) > 3 {
				return &usageError{errors.New("takes USER VERB [TARGET]")}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.giveUp("policy", ""); err != nil {
				return err
			}
			return a.runExplain(args, &o)
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *explainOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.file, "policy", policy.DefaultFile, "the policy file")
	f.StringArrayVar(&o.groups, "group", nil, "the user is in this group too; can be given more than once")
	f.StringVar(&o.image, "image", "", "the container's image, as its runtime tells it")
	f.StringArrayVar(&o.labels, "label", nil, "a label of the container, KEY=VALUE; can be given more than once")
	f.StringArrayVar(&o.host, "host", nil, "a namespace in which the container is the host's: mnt, net, pid, ipc or uts; can be given more than once")
	f.BoolVar(&o.stopped, "stopped", false, "the container does not run, as with `dlx debug --stopped`")
	f.BoolVar(&o.privileged, "privileged", false, "the container is privileged")
	f.StringVar(&o.profile, "profile", "general", "the session's profile")
	f.StringVar(&o.fs, "fs", string(engine.FSToolbox), "what is at / in the session")
	f.StringVarP(&o.user, "user", "u", "", "the session's user in the container, UID[:GID] (default: root, or nobody under profile restricted)")
	f.StringArrayVar(&o.devices, "device", nil, "a device of the session's: /dev/NAME[:ACCESS]")
	f.StringArrayVar(&o.toolboxes, "toolbox", nil, "a toolbox beside the one that comes with dlx, and who signed it: NAME=KEY")
	f.StringVar(&o.filter, "filter", "", "the capture's filter")
	f.StringVar(&o.reason, "reason", "", "why it is done")
	f.DurationVar(&o.timeout, "timeout", 0, "when the session ends (default: when it likes)")
	f.DurationVar(&o.hold, "hold", engine.DefaultHold, "how long the container is held, for the verb hold")
	f.Var(&o.memory, "memory", "memory limit of the session (default 1g)")
	f.Int64Var(&o.pids, "pids-limit", defaultPids, "limit of the session's processes and threads")
	mustComplete(cmd, "fs", "toolbox", "host", "target")
	mustComplete(cmd, "profile", "general", "baseline", "restricted", "netadmin", "sysadmin")
}

func (a *app) runExplain(args []string, o *explainOptions) error {
	p, err := readPolicy(o.file)
	if err != nil {
		return err
	}
	who, err := a.explainWho(args[0], o.groups)
	if err != nil {
		return err
	}
	ask, err := o.ask(engine.Verb(args[1]), args[2:])
	if err != nil {
		return err
	}
	d := p.Decide(who, ask)
	word := "denied"
	if d.Allowed {
		word = "allowed"
	} else {
		a.code = exitFailed
	}
	if limits := d.Limits.String(); limits != "" {
		return a.printf("%s\n%s\nlimits: %s\n", word, printable.Escape(d.Why), limits)
	}
	return a.printf("%s\n%s\n", word, printable.Escape(d.Why))
}

// ask is the operation that an engine would ask about.
func (o *explainOptions) ask(verb engine.Verb, words []string) (ask policy.Ask, err error) {
	ask.Reason = o.reason
	ask.Operation.Verb = verb
	switch on, known := policy.OnTarget(verb); {
	case !known:
		return ask, &usageError{fmt.Errorf("no verb %q: there are %s", string(verb), strings.Join(policy.VerbNames(), ", "))}
	case on != (len(words) == 1):
		return ask, &usageError{fmt.Errorf("%s takes %s", verb, map[bool]string{true: "a TARGET", false: "no TARGET"}[on])}
	case !on:
		return ask, nil
	}
	if err := o.target(&ask, words[0]); err != nil {
		return ask, err
	}
	return ask, o.grant(&ask.Operation)
}

// target says what the target is.
func (o *explainOptions) target(ask *policy.Ask, word string) error {
	ref, err := target.ParseRef(word)
	if err != nil {
		return err
	}
	op := &ask.Operation
	op.Subject = engine.SubjectContainer
	op.Target = target.Info{Runtime: ref.Scheme, Name: ref.Name, ID: ref.Name, Image: o.image, Labels: map[string]string{}}
	for _, l := range o.labels {
		key, value, _ := strings.Cut(l, "=")
		op.Target.Labels[key] = value
	}
	switch {
	case ref.Scheme == "":
		return &usageError{fmt.Errorf("TARGET %q has to say its runtime, as docker://%s: it is not looked for", word, word)}
	case ref.Scheme == target.NetNSScheme:
		op.Subject = engine.SubjectNetNS
	case ref.Scheme == target.ImageScheme:
		name := ref.Name
		if op.Target.Runtime = "docker"; strings.Contains(name, "://") {
			op.Target.Runtime, name, _ = strings.Cut(name, "://")
		}
		op.Subject, op.Target.Name, op.Target.Image, op.Target.ID = engine.SubjectImage, name, name, ""
		if strings.HasPrefix(name, "sha256:") {
			op.Target.ID = name
		}
	case o.stopped:
		op.Subject = engine.SubjectStopped
	}
	if user, name, ok := strings.Cut(ref.Name, "/"); ok && ref.Scheme == "podman" {
		if op.Target.Owner, err = strconv.Atoi(user); err != nil {
			return &usageError{fmt.Errorf("%q: podman://UID/NAME has a user's number", word)}
		}
		op.Target.Name = name
	}
	return o.namespaces(ask)
}

// namespaces are such that those of --host are the host's, and no others.
func (o *explainOptions) namespaces(ask *policy.Ask) error {
	own := map[string]uint64{}
	ask.Host = map[string]uint64{}
	for i, ns := range policy.Namespaces() {
		own[ns], ask.Host[ns] = uint64(2*i+1), uint64(2*i+2)
	}
	for _, ns := range o.host {
		if _, known := own[ns]; !known {
			return &usageError{fmt.Errorf("--host takes %s, not %q", strings.Join(policy.Namespaces(), ", "), ns)}
		}
		own[ns] = ask.Host[ns]
	}
	ask.Operation.Process = &engine.Process{PID: 1, Namespaces: own}
	return nil
}

// grant says what is asked for in the target.
func (o *explainOptions) grant(op *engine.Operation) error {
	builtIn := []toolbox.Part{{Name: "dlx", Key: toolbox.BuiltIn}}
	switch op.Verb {
	case engine.VerbDebug:
		user, err := o.insider()
		if err != nil {
			return err
		}
		op.Session = &engine.Grant{
			FS: engine.FS(o.fs), User: user, Devices: o.devices, Memory: int64(o.memory), Pids: o.pids, Timeout: o.timeout,
			Restraints: engine.Restraints{Profile: o.profile, Privileged: o.privileged},
		}
		if o.memory == 0 {
			op.Session.Memory = defaultMemory
		}
		op.Toolboxes = builtIn
	case engine.VerbCapture:
		op.Capture = &engine.CaptureGrant{Filter: o.filter}
	case engine.VerbInject, engine.VerbEject:
		op.Toolboxes = builtIn
	case engine.VerbHold:
		op.Hold = &engine.Hold{When: engine.OnExit, Limit: o.hold}
	}
	if op.Toolboxes == nil && len(o.toolboxes) > 0 {
		return &usageError{errors.New("--toolbox goes with debug, inject and eject")}
	}
	for _, t := range o.toolboxes {
		name, key, _ := strings.Cut(t, "=")
		op.Toolboxes = append(op.Toolboxes, toolbox.Part{Name: name, Key: key})
	}
	return nil
}

// defaultMemory is a session's memory unless it asks for another one.
const defaultMemory = 1 << 30

// insider is the session's user, by numbers. As in a session, a group that is not given is 0.
func (o *explainOptions) insider() (u shell.User, err error) {
	text := o.user
	switch {
	case text == "" && o.profile == "restricted":
		text = "65534:65534" // nobody
	case text == "":
		return u, nil
	}
	uid, gid, both := strings.Cut(text, ":")
	if u.UID, err = number(uid); err == nil && both {
		u.GID, err = number(gid)
	}
	if err != nil {
		return u, &usageError{fmt.Errorf("--user %q: numbers are wanted, UID or UID:GID", text)}
	}
	return u, nil
}

// number is a user's or group's.
func number(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	return uint32(id), err
}
