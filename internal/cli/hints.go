package cli

import (
	"os"
	"strings"

	"dlx/fault"
	"dlx/toolbox"
)

// hint says what to do about an error that an engine reports, in words of the command line.
func hint(e *fault.Error) string {
	names := strings.Join(e.Detail, ", ")
	switch e.Kind {
	case fault.BadTarget:
		return "targets: NAME, ID, RUNTIME://NAME with docker, podman or containerd, pid://N, netns://NAME or netns:///PATH, image://REF"
	case fault.NotFound:
		if len(e.Detail) > 0 {
			return "did you mean " + strings.Join(e.Detail, " or ") + "? `dlx ps` lists what there is"
		}
		return "`dlx ps` lists what there is"
	case fault.NoProcess:
		return "its number is the host's: `dlx ps` has that of each container"
	case fault.Ambiguous:
		return "give the whole name, more of the ID, or a scheme"
	case fault.NotRunning:
		return "`dlx debug --stopped " + e.Target + "` opens its files; `dlx inject` takes it as it is"
	case fault.Changed:
		return "try again; if it keeps restarting, see its logs"
	case fault.KernelThread:
		return "pid:// takes processes that run a program"
	case fault.Running:
		return "without --stopped the session is in it"
	case fault.NoStill:
		return "start it, and debug it without --stopped"
	case fault.NoImage:
		return "pull it with its runtime's own program; image://RUNTIME://REF asks docker, podman or containerd alone"
	case fault.NoNetNS:
		return "`dlx ps --netns` lists those that have names"
	case fault.NotNetNS:
		return "`ip netns` and CNI keep theirs in /run/netns; the namespace of a process is pid://N, whose number is held"
	case fault.NoFiles:
		return "`dlx debug --fs host` shows the host's files in it; `dlx capture` captures its packets"
	case fault.WrongTarget:
		return "`dlx ps` lists containers"
	case fault.NoRuntime:
		return "start Docker, containerd, CRI-O or Podman, or set DOCKER_HOST or CONTAINERD_ADDRESS to its socket; `dlx doctor` says what is missing"
	case fault.RuntimeSilent:
		return "see its logs; a whole name, or another runtime's RUNTIME://NAME, does without it"
	case fault.RemoteRuntime:
		return "run dlx on the runtime's own host; here, DOCKER_HOST has to be a unix:// socket"
	case fault.SocketDenied, fault.NoPrivileges:
		return "run dlx as root, for example with sudo"
	case fault.NoLimits:
		return "leave the limit out, or run dlx as root"
	case fault.OldKernel:
		return e.Target + " needs Linux " + names + " or newer"
	case fault.TooFewFiles:
		return "raise it, as with `ulimit -n 1024`"
	case fault.QuotaExceeded:
		return "end another capture, or take a smaller buffer with -B"
	case fault.BadProfile:
		return "profiles: " + names
	case fault.BadFileSystem:
		return "--fs takes toolbox, host or target"
	case fault.BadUser:
		return "give numbers, as in --user 1000:1000; names come from the container's /etc/passwd"
	case fault.BadVariable:
		return "--env takes NAME=VALUE"
	case fault.BadDevice:
		return "--device /dev/fuse, or --device /dev/sda:r to read only"
	case fault.BadFilter:
		_, help := filterPlace(e)
		return help
	case fault.NoInterface:
		if len(e.Detail) == 0 {
			return "the container has no network"
		}
		return "interfaces: " + names
	case fault.OneLinkType:
		return "use --format pcapng, or capture on one interface with -i"
	}
	for _, other := range []func(*fault.Error) string{sessionHint, recordHint, agentHint} {
		if h := other(e); h != "" {
			return h
		}
	}
	if h := certificateHint(e); h != "" {
		return h
	}
	return toolboxHint(e, names)
}

// filterPlace is the place in a filter that is wrong, as lines, and what may help: the last detail
// (engine.FilterError). Whoever sent the error may have left both out.
func filterPlace(e *fault.Error) (lines []string, help string) {
	if len(e.Detail) == 0 {
		return nil, ""
	}
	last := len(e.Detail) - 1
	return e.Detail[:last], e.Detail[last]
}

// agentHint is hint for what stands between a user and an agent.
func agentHint(e *fault.Error) string {
	switch e.Kind {
	case fault.NoAgent:
		return "see whether `dlx agent` runs there, and whether this user is in the group that may connect"
	case fault.BadAgent:
		return "--agent takes unix:///PATH, ssh://[USER@]HOST[:PORT][/PATH], HOST:PORT with --agent-cert, --agent-key and --agent-ca, or none"
	case fault.Cut:
		return "what was shown may lack its end; see whether the agent still runs"
	case fault.OldAgent:
		return "update the older one of the two"
	case fault.Refused:
		return "who keeps the agent's policy can allow it"
	case fault.TooMany:
		return "end something, or wait"
	case fault.NoSession:
		return "`dlx sessions` lists what is under way"
	case fault.NoContext:
		return "`dlx context ls` lists those that there are; `dlx context use default` goes back to none"
	}
	return keptHint(e)
}

// keptHint is hint for captures on an agent's disk.
func keptHint(e *fault.Error) string {
	switch e.Kind {
	case fault.NoCapture:
		return "`dlx captures list` has the IDs"
	case fault.StillOn:
		return "`dlx captures stop ID` ends it first"
	case fault.NoRoom:
		return "`dlx captures rm ID` makes room; who runs the agent sets the bounds"
	case fault.BadCopy:
		return "fetch it again, into another file"
	}
	return ""
}

// sessionHint is hint for what keeps a session from beginning.
func sessionHint(e *fault.Error) string {
	switch e.Kind {
	case fault.CommandNotHere:
		return "with --fs toolbox, the default, dlx brings a shell and tools along"
	case fault.NoWorkdir:
		return "`-w /` starts in the root directory"
	case fault.EnvironmentTooBig:
		return "--clear-env starts the session without the container's variables"
	case fault.MemoryTooLow:
		return "--memory 16m is enough for a shell"
	case fault.SeccompDenies:
		return "--profile general has Docker's default filter, and not the container's"
	case fault.LabelDenies:
		return "the kernel's log says what the label's policy denies"
	case fault.KeeperLost:
		return "it may have been killed, by somebody or for want of memory: try again"
	case fault.UnmappedID:
		return "choose one that it has with --user"
	case fault.HostExposed:
		return "use --fs toolbox, or a profile with more capabilities"
	case fault.Traced:
		return "end the debugger that traces it: a process has one tracer at most"
	case fault.NotTraceable:
		return "see kernel.yama.ptrace_scope, and the kernel's log for what a security module denies"
	case fault.NoRestart:
		return "--on-exit waits for the end of one that runs"
	case fault.NoDev:
		return "use --fs host for the host's tools, or --fs target for the container's"
	}
	return ""
}

// recordHint is hint for the audit log and recordings.
func recordHint(e *fault.Error) string {
	switch e.Kind {
	case fault.NoRecord:
		return "nothing is done that is not recorded: see what the message says, and `dlx audit verify`"
	case fault.BadLog:
		return "trust none of it from the first line on that is named; what a sink has got says what was there: --against FILE"
	case fault.NoRecording:
		return "`dlx audit show` has the IDs of operations, and -o json those of their recordings"
	}
	return ""
}

// toolboxHint is hint for toolboxes, in containers and by themselves.
func toolboxHint(e *fault.Error, names string) string {
	switch e.Kind {
	case fault.NoLayer:
		if names != "" {
			return "run dlx as that user; as root, `dlx debug " + e.Target + "` needs no place in the container's file system"
		}
		return "`dlx debug " + e.Target + "` needs no place in the container's file system"
	case fault.NoStoppedLayer:
		return "start it; `dlx debug " + e.Target + "` then needs no place in its file system"
	case fault.OtherToolbox:
		return "`dlx eject " + e.Target + "` takes it out first"
	case fault.NotInjected:
		return "`dlx eject --all` takes out whatever there is"
	case fault.Removed:
		return "`dlx eject --all` clears its record"
	case fault.ToolboxMoved:
		return "move it back and eject again, or remove it there; its record is kept"
	case fault.ToolboxGone:
		return "`docker diff " + e.Target + "` shows whether it is elsewhere; its record is cleared"
	case fault.ToolboxStuck:
		return "something in the container changes it: pause or stop the container and eject again; its record is kept"
	case fault.BadRecord:
		return "see " + e.Target + ", and remove it when its container, whose ID is its name, has no toolbox in it"
	case fault.NoToolbox:
		return noToolboxHint(e, names)
	case fault.ToolboxExists:
		return "give the new one another version, or remove the old one first"
	case fault.ToolboxRefused:
		return refusedHint(e)
	case fault.BadKey:
		return "keys are PEM files with an Ed25519 key, as `dlx toolbox keygen` makes them, or cosign.pub"
	case fault.OpenKey:
		return "make a new one, or, if nobody has read it: chmod 600 " + e.Target
	case fault.NotOwned:
		return "check what is there, then give it to root: chown root " + e.Target + "; under sudo, keys are those in " + toolbox.SystemConfig
	case fault.Writable:
		return "check what is there, then: chmod go-w " + e.Target
	case fault.BadSignature:
		return "it is what `cosign sign-blob --key cosign.key` makes of the " + toolbox.ManifestName + " in this very toolbox"
	case fault.NoLibrary:
		return "install the package that has the library, or name it too"
	}
	return ""
}

// noToolboxHint names the toolboxes that there are, and a file that may have been meant.
func noToolboxHint(e *fault.Error, names string) string {
	if _, err := os.Lstat(e.Target); err == nil {
		return "a file or folder is meant by ./" + e.Target
	}
	if names == "" {
		return "give a file, or keep one with `dlx toolbox import FILE`"
	}
	return "there are " + names + "; or give a file"
}

// refusedHint says what to do with a toolbox that is refused.
func refusedHint(e *fault.Error) string {
	switch toolbox.Reason(strings.Join(e.Detail, "")) {
	case toolbox.ErrUnsigned:
		return "sign it with `dlx toolbox sign`, or use one that is signed"
	case toolbox.ErrUnknownKey:
		return "if you trust the key, put its .pub file into " + toolbox.SystemConfig + "/" + toolbox.TrustedName
	case toolbox.ErrRevokedKey:
		return "get one that is signed with a key in use; revoked keys are in " + toolbox.SystemConfig + "/" + toolbox.RevokedName
	case toolbox.ErrMode:
		return "build it again: files are not setuid, setgid or writable by others"
	case toolbox.ErrPath:
		return "build it again: paths are relative, clean and inside the toolbox"
	case toolbox.ErrArch:
		return "get the one for this machine"
	case toolbox.ErrDynamic:
		return "build it with `dlx toolbox build`, which takes loaders and libraries along, or use static programs"
	case toolbox.ErrExpired:
		return "get a newer one; if this machine's clock is wrong, set it"
	case toolbox.ErrOlder:
		return "get the newer one again; if going back is what you want, remove the record that the error names"
	}
	return "it was damaged or tampered with: get it again from where you trust it"
}
