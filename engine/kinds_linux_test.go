package engine_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/target"
)

// verbs are what is done to a target, as requests that differ in nothing but that.
func verbs(e engine.Engine) map[engine.Verb]func(ctx context.Context, ref string) error {
	return map[engine.Verb]func(context.Context, string) error{
		engine.VerbDebug: func(ctx context.Context, ref string) error {
			_, err := e.Debug(ctx, engine.DebugRequest{Target: ref, FS: engine.FSTarget}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
			return err
		},
		engine.VerbCapture: func(ctx context.Context, ref string) error {
			_, err := e.Capture(ctx, engine.CaptureRequest{Targets: []string{ref}}, newSink())
			return err
		},
		engine.VerbInterfaces: func(ctx context.Context, ref string) error {
			_, err := e.Interfaces(ctx, ref)
			return err
		},
		engine.VerbInject: func(ctx context.Context, ref string) error {
			_, err := e.Inject(ctx, engine.InjectRequest{Target: ref})
			return err
		},
	}
}

// TestTargetKinds: what is wrong with a target is of one kind whatever was to be done to it, and
// the error says what that was and to whom.
func TestTargetKinds(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	f.run("web")
	f.run("web-2")
	stopped, dead := f.run("stopped"), f.run("dead")
	f.stop(stopped, target.Exited)
	end(dead.cmd) // and the runtime has not noticed
	broken := newFake(t, "podman")
	broken.before["find"] = func(context.Context) error { return errors.New("it does not answer") }
	e := localOf(t, engine.LocalOptions{Bundled: smallBox}, f, broken)
	for ref, want := range map[string]fault.Kind{
		"docker://no-such": fault.NotFound, "docker://we": fault.Ambiguous, "stopped": fault.NotRunning, "dead": fault.Changed,
		"": fault.BadTarget, "../etc": fault.BadTarget, "lxc://web": fault.BadTarget, "pid://-1": fault.BadTarget,
		"pid://4194303": fault.NoProcess, "netns://..": fault.BadTarget, "no-such": fault.Internal, "podman://x": fault.Internal,
	} {
		for verb, do := range verbs(e) {
			if verb == engine.VerbInject && (want == fault.NotRunning || want == fault.NoProcess) {
				continue // it has use for what does not run, and none for a process
			}
			err := do(t.Context(), ref)
			if got := fault.Of(err); !errors.Is(err, want) || got.Kind != want || got.Op != string(verb) || got.Msg == "" || ref != "" && got.Target == "" {
				t.Errorf("%s of %q: %#v, want kind %s", verb, ref, err, want)
			}
		}
	}
	err := verbs(e)[engine.VerbCapture](t.Context(), "docker://web-22")
	if diff := cmp.Diff([]string{"web-2"}, fault.Of(err).Detail); diff != "" {
		t.Errorf("names that may be meant (-want +got):\n%s", diff)
	}
}

// TestRequestKinds: requests that make no sense are refused by kind, before the runtime is asked
// for anything.
func TestRequestKinds(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	f.run("web")
	e := localOf(t, engine.LocalOptions{Bundled: smallBox}, f)
	box := []engine.ToolboxRef{engine.ToolboxName("small")}
	for name, tt := range map[string]struct {
		req  engine.DebugRequest
		want error
	}{
		"profile":                         {engine.DebugRequest{Profile: "wheel"}, fault.BadProfile},
		"file system":                     {engine.DebugRequest{FS: "zfs"}, fault.BadFileSystem},
		"toolbox beside the target's":     {engine.DebugRequest{FS: engine.FSTarget, Toolboxes: box}, engine.ErrNoToolbox},
		"toolbox beside the host's":       {engine.DebugRequest{FS: engine.FSHost, Toolboxes: box}, engine.ErrNoToolbox},
		"device":                          {engine.DebugRequest{Devices: []string{"/etc/passwd"}}, fault.BadDevice},
		"device that every session has":   {engine.DebugRequest{Devices: []string{"/dev/null"}}, fault.BadDevice},
		"device that is none":             {engine.DebugRequest{Devices: []string{"/dev/../etc"}}, fault.BadDevice},
		"device with no way to access it": {engine.DebugRequest{Devices: []string{"/dev/null:"}}, fault.BadDevice},
	} {
		tt.req.Target = "web"
		if _, err := e.Debug(t.Context(), tt.req, engine.Streams{}); !errors.Is(err, tt.want) || fault.Of(err).Op != "debug" {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	own := []engine.Connection{{}}
	for name, tt := range map[string]struct {
		req  engine.CaptureRequest
		want error
	}{
		"nobody":                        {engine.CaptureRequest{}, engine.ErrNoTarget},
		"filter":                        {engine.CaptureRequest{Targets: []string{"web"}, Filter: "tcp port"}, fault.BadFilter},
		"filter that closes what opens": {engine.CaptureRequest{Targets: []string{"web"}, Filter: "tcp) or (udp", Own: own}, fault.BadFilter},
	} {
		if _, err := e.Capture(t.Context(), tt.req, newSink()); !errors.Is(err, tt.want) || fault.Of(err).Op != "capture" {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if len(f.asked) > 0 {
		t.Errorf("the runtime was asked %v", f.asked)
	}
	_, err := e.Capture(t.Context(), engine.CaptureRequest{Targets: []string{"web"}, Interface: "eth9"}, newSink())
	if diff := cmp.Diff([]string{"lo"}, fault.Of(err).Detail); diff != "" || !errors.Is(err, fault.NoInterface) {
		t.Errorf("%v, interfaces that there are (-want +got):\n%s", err, diff)
	}
}

// TestNoPrivileges: who has none is told so at once, whatever else may be wrong, and no runtime is
// asked. What takes none is done.
func TestNoPrivileges(t *testing.T) {
	if !aloneAs(t, 1000) {
		return
	}
	f := newFake(t, "docker")
	f.add("web")
	e := localOf(t, engine.LocalOptions{Bundled: smallBox}, f)
	all := verbs(e)
	delete(all, engine.VerbInterfaces)
	all[engine.VerbEject] = func(ctx context.Context, ref string) error {
		_, err := e.Eject(ctx, engine.EjectRequest{Target: ref})
		return err
	}
	for verb, do := range all {
		if err := do(t.Context(), "no-such"); !errors.Is(err, fault.NoPrivileges) || fault.Of(err).Op != string(verb) {
			t.Errorf("%s: %v, want fault.NoPrivileges", verb, err)
		}
	}
	if len(f.asked) > 0 {
		t.Errorf("the runtime was asked %v", f.asked)
	}
	checks, err := e.Health(t.Context())
	if c := checkOf(checks, engine.CheckPrivileges); c.OK || err != nil {
		t.Errorf("health: %+v, %v", c, err)
	}
}
