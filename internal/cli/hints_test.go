package cli

import (
	"errors"
	"fmt"
	"testing"

	"dlx/engine"
	"dlx/fault"
	"dlx/toolbox"
)

// TestExitStatus: the kind of an error decides, on every system, and however it is wrapped.
func TestExitStatus(t *testing.T) {
	for kind, want := range map[fault.Kind]int{
		fault.CommandNotFound: 127, fault.CommandNotHere: 127, fault.CommandNotRun: 126, fault.NoWorkdir: 126,
		fault.TargetEnded: 137, fault.SessionKilled: 137, fault.TimedOut: 124, fault.NotFound: 125, fault.Internal: 125,
	} {
		err := fault.In("debug", "web", fmt.Errorf("wrapped: %w", fault.New(kind, "x", "it failed")))
		if got := exitStatus("debug", err); got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
		if got := exitStatus("debug", &fault.Error{Kind: kind, Msg: "from afar"}); got != want {
			t.Errorf("%s over a wire: %d, want %d", kind, got, want)
		}
	}
	for err, want := range map[error]int{
		errors.New("x"): 1, fault.New(fault.NotFound, "web", "no"): 1, &usageError{errors.New("x")}: 2, engine.ErrTimeout: 124,
	} {
		if got := exitStatus("ps", err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

// TestHints: what a person can do something about has a hint, and each reason against a toolbox one
// of its own.
func TestHints(t *testing.T) {
	for _, kind := range []fault.Kind{
		fault.BadTarget, fault.NotFound, fault.NoProcess, fault.Ambiguous, fault.NotRunning, fault.Changed, fault.KernelThread, fault.NoRuntime,
		fault.NoNetNS, fault.NotNetNS, fault.NoFiles, fault.WrongTarget, fault.Running, fault.NoStill, fault.NoImage,
		fault.RuntimeSilent,
		fault.RemoteRuntime, fault.SocketDenied, fault.NoPrivileges, fault.OldKernel, fault.TooFewFiles, fault.QuotaExceeded, fault.BadProfile,
		fault.BadFileSystem, fault.BadUser, fault.BadVariable, fault.BadDevice, fault.BadFilter, fault.NoInterface, fault.OneLinkType,
		fault.NoAgent, fault.BadAgent, fault.Cut, fault.OldAgent, fault.Refused, fault.TooMany, fault.NoSession, fault.NoCapture, fault.StillOn, fault.NoRoom, fault.BadCopy,
		fault.CommandNotHere, fault.NoWorkdir, fault.EnvironmentTooBig, fault.MemoryTooLow, fault.SeccompDenies, fault.LabelDenies,
		fault.KeeperLost, fault.UnmappedID, fault.HostExposed, fault.NoDev, fault.NoLayer, fault.NoStoppedLayer, fault.OtherToolbox,
		fault.NoRecord, fault.BadLog, fault.NoRecording, fault.NotInjected, fault.Removed, fault.ToolboxMoved, fault.ToolboxGone, fault.ToolboxStuck, fault.BadRecord, fault.NoToolbox,
		fault.ToolboxExists, fault.ToolboxRefused, fault.BadKey, fault.OpenKey, fault.NotOwned, fault.Writable, fault.BadSignature, fault.NoLibrary,
		fault.BadCertificate, fault.NoCA, fault.NotIssued,
	} {
		err := fmt.Errorf("wrapped: %w", fault.New(kind, "web", "it failed").With("detail"))
		if hintOf(err) == "" {
			t.Errorf("%s has none", kind)
		}
		_ = explain(fault.New(kind, "", "without detail")) // as a peer may send it
	}
	seen := map[string]toolbox.Reason{}
	for _, reason := range []toolbox.Reason{
		toolbox.ErrUnsigned, toolbox.ErrUnknownKey, toolbox.ErrRevokedKey, toolbox.ErrMode, toolbox.ErrPath, toolbox.ErrArch, toolbox.ErrDynamic,
		toolbox.ErrExpired, toolbox.ErrOlder, toolbox.ErrChanged,
	} {
		h := hintOf(fault.New(fault.ToolboxRefused, "", "no").With(string(reason)))
		if other, twice := seen[h]; twice {
			t.Errorf("%q and %q have the same", reason, other)
		}
		seen[h] = reason
	}
}

// TestRuntimeExec: what to try is in the words of the runtime's own program.
func TestRuntimeExec(t *testing.T) {
	for want, res := range map[string]engine.InjectResult{
		"try: docker exec -it web /.dlx/bin/sh":                {Runtime: "docker", Target: "web", ID: "0123", Shell: "/.dlx/bin/sh"},
		"it has no shell; try: podman exec web /.dlx/bin/x":    {Runtime: "podman", Target: "web", ID: "0123", Program: "/.dlx/bin/x"},
		"try: crictl exec -it 4567 /.dlx/bin/sh":               {Runtime: "crio", Target: "web_srv", ID: "4567", Shell: "/.dlx/bin/sh"},
		"try: crictl exec -it 0123 /.dlx/bin/sh":               {Runtime: "containerd", Target: "web_srv", ID: "k8s.io/0123", Shell: "/.dlx/bin/sh"},
		"try: nerdctl -n default exec -it rt-web /.dlx/bin/sh": {Runtime: "containerd", Target: "web", ID: "default/rt-web", Shell: "/.dlx/bin/sh"},
		"it has no program in /.dlx/bin":                       {Runtime: "docker", Target: "web", ID: "0123", Path: "/.dlx"},
	} {
		if got := tryInjected(res); got != want {
			t.Errorf("%+v: %q, want %q", res, got, want)
		}
	}
}
