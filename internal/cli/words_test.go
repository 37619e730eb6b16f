package cli

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dlx/capture"
	"dlx/engine"
	"dlx/target"
)

// recorder is an engine that does nothing but note what it is asked for.
type recorder struct {
	engine.Engine // of which nothing else is asked
	names         []string
	asked         any
}

func (r *recorder) Names(context.Context) (list []target.Info, err error) {
	for _, n := range r.names {
		list = append(list, target.Info{Runtime: "docker", Name: n, ID: "f00d" + n})
	}
	return list, nil
}

func (r *recorder) Debug(_ context.Context, req engine.DebugRequest, s engine.Streams) (int, error) {
	r.asked = req
	s.Started()
	return 0, nil
}

func (r *recorder) Capture(_ context.Context, req engine.CaptureRequest, to engine.Sink) (engine.CaptureStats, error) {
	req.Own = nil
	r.asked = req
	return engine.CaptureStats{}, to.Begin()
}

func (r *recorder) Inject(_ context.Context, req engine.InjectRequest) (engine.InjectResult, error) {
	r.asked = req
	return engine.InjectResult{}, nil
}

func (r *recorder) Close() error { return nil }

// dlx runs a command line on a recorder. It needs neither a runtime nor privileges.
func dlx(t *testing.T, r *recorder, line ...string) (code int, stderr string) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var out, errOut bytes.Buffer
	a := &app{
		stdin: null, stdout: &out, stderr: &errOut,
		newEngine: func() (engine.Engine, error) { return r, nil }, giveUp: func(string, string) error { return nil },
	}
	code = a.run(append([]string{"dlx"}, line...))
	return code, errOut.String()
}

// TestDebugRequest: flags become a request, and what begins behind the target is the command's.
func TestDebugRequest(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("FROM_HERE", "1")
	base := func(change func(*engine.DebugRequest)) engine.DebugRequest {
		r := engine.DebugRequest{Target: "web", FS: engine.FSToolbox, Profile: "general", Term: "xterm"}
		change(&r)
		return r
	}
	for line, want := range map[string]engine.DebugRequest{
		"debug web":                        base(func(*engine.DebugRequest) {}),
		"debug web ls -l":                  base(func(r *engine.DebugRequest) { r.Command = []string{"ls", "-l"} }),
		"debug web -- ls -l":               base(func(r *engine.DebugRequest) { r.Command = []string{"ls", "-l"} }),
		"debug web ls -- -l":               base(func(r *engine.DebugRequest) { r.Command = []string{"ls", "--", "-l"} }),
		"debug -u 1000 web id -u":          base(func(r *engine.DebugRequest) { r.User, r.Command = "1000", []string{"id", "-u"} }),
		"debug web -u 1000 id -u":          base(func(r *engine.DebugRequest) { r.User, r.Command = "1000", []string{"id", "-u"} }),
		"debug web -u1000 id":              base(func(r *engine.DebugRequest) { r.User, r.Command = "1000", []string{"id"} }),
		"debug web --user=1000 id":         base(func(r *engine.DebugRequest) { r.User, r.Command = "1000", []string{"id"} }),
		"debug --user 1000 web --tty=0 id": base(func(r *engine.DebugRequest) { r.User, r.Command = "1000", []string{"id"} }),
		"debug -it web sh -c -i":           base(func(r *engine.DebugRequest) { r.TTY, r.Command = true, []string{"sh", "-c", "-i"} }),
		"debug -iu 0 web id":               base(func(r *engine.DebugRequest) { r.User, r.Command = "0", []string{"id"} }),
		"debug web --fs host -w / --profile sysadmin --read-only": base(func(r *engine.DebugRequest) {
			r.FS, r.Dir, r.Profile, r.ReadOnly = engine.FSHost, "/", "sysadmin", true
		}),
		"debug web -e A=1 -e FROM_HERE -e NOT_SET env": base(func(r *engine.DebugRequest) {
			r.Env, r.Command = []string{"A=1", "FROM_HERE=1"}, []string{"env"}
		}),
		"debug web --toolbox net --toolbox ./box --toolbox b.tar.zst": base(func(r *engine.DebugRequest) {
			r.Toolboxes = []engine.ToolboxRef{engine.ToolboxName("net"), engine.ToolboxFile("./box"), engine.ToolboxFile("b.tar.zst")}
		}),
		"debug web --memory 16m --pids-limit 9 --device /dev/fuse --timeout 1m": base(func(r *engine.DebugRequest) {
			r.Memory, r.Pids, r.Devices, r.Timeout = 16<<20, 9, []string{"/dev/fuse"}, 60e9
		}),
	} {
		r := &recorder{}
		code, stderr := dlx(t, r, strings.Fields(line)...)
		if diff := cmp.Diff(any(want), r.asked, cmpopts.EquateEmpty()); code != 0 || diff != "" {
			t.Errorf("%s: status %d, %s (-want +got):\n%s", line, code, stderr, diff)
		}
	}
}

// TestCaptureRequest: flags become a request, and a filter begins where names of containers end.
func TestCaptureRequest(t *testing.T) {
	names := []string{"web", "web-2", "tcp-proxy", "cache", "host"}
	base := engine.CaptureRequest{Interface: "any", RingSize: defaultBuffer << 10, Direction: capture.Both, Latency: fileLatency}
	for line, want := range map[string]struct {
		targets, labels []string
		filter          string
		status          int
	}{
		"web":                             {targets: []string{"web"}},
		"web cache":                       {targets: []string{"web", "cache"}},
		"no-such":                         {targets: []string{"no-such"}}, // which the engine says
		"web tcp port 80":                 {targets: []string{"web"}, filter: "tcp port 80"},
		"web cache not port 22":           {targets: []string{"web", "cache"}, filter: "not port 22"},
		"web cac port 53":                 {targets: []string{"web", "cac"}, filter: "port 53"},
		"web f00dcache udp":               {targets: []string{"web", "f00dcache"}, filter: "udp"},
		"web docker://cache udp":          {targets: []string{"web", "docker://cache"}, filter: "udp"},
		"web example.org":                 {targets: []string{"web"}, filter: "example.org"},
		"web -- cache":                    {targets: []string{"web"}, filter: "cache"},
		"web cache -- tcp":                {targets: []string{"web", "cache"}, filter: "tcp"},
		"--label app=web tcp port 80":     {labels: []string{"app=web"}, filter: "tcp port 80"},
		"--label app=web cache port 80":   {labels: []string{"app=web"}, targets: []string{"cache"}, filter: "port 80"},
		"web host 192.0.2.1":              {status: 2}, // a container has that name
		"web docker://host host 192.0.2.": {status: 2},
	} {
		r := &recorder{names: names}
		code, stderr := dlx(t, r, append([]string{"capture", "-w", t.TempDir() + "/x.pcapng"}, strings.Fields(line)...)...)
		if code != want.status {
			t.Errorf("%s: status %d, want %d: %s", line, code, want.status, stderr)
		}
		if want.status != 0 {
			continue
		}
		req := base
		req.Targets, req.Labels, req.Filter, req.User = want.targets, want.labels, want.filter, uint32(os.Getuid())
		got, _ := r.asked.(engine.CaptureRequest)
		got.User = req.User
		if diff := cmp.Diff(req, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", line, stderr, diff)
		}
	}
}

// TestVerbs: a verb that is none is a mistake of the command line's, and what other programs call
// it leads to it.
func TestVerbs(t *testing.T) {
	for line, hint := range map[string]string{
		"debg web": "did you mean `dlx debug`?", "exec -it web sh": "did you mean `dlx debug`?", "shell web": "did you mean `dlx debug`?",
		"tcpdump -i any": "did you mean `dlx capture`?", "ls": "did you mean `dlx ps`?", "frobnicate": "`dlx help` lists the commands",
	} {
		code, stderr := dlx(t, &recorder{}, strings.Fields(line)...)
		if code != exitUsage || !strings.HasSuffix(stderr, "hint: "+hint+"\n") || strings.Count(stderr, "\n") != 2 {
			t.Errorf("%s: status %d, %s", line, code, stderr)
		}
	}
	for _, line := range []string{"--version", "version"} {
		if code, _ := dlx(t, &recorder{}, line); code != 0 {
			t.Errorf("%s: status %d", line, code)
		}
	}
}

// TestUnexpected: how a capture ends that has ended as it should.
func TestUnexpected(t *testing.T) {
	here := t.Context()
	left, cancel := context.WithCancelCause(here)
	cancel(errReaderGone)
	for _, tt := range []struct {
		ctx  context.Context
		err  error
		want bool
	}{
		{here, nil, false}, {here, context.Canceled, true}, {here, errReaderGone, true}, {here, os.ErrPermission, true},
		{here, os.ErrDeadlineExceeded, false}, {left, context.Canceled, false}, {left, errReaderGone, false}, {left, os.ErrPermission, true},
	} {
		if got := unexpected(tt.ctx, tt.err) != nil; got != tt.want {
			t.Errorf("%v: unexpected is %v", tt.err, got)
		}
	}
}
