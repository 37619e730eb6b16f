package applet_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"dlx/internal/testutil"
)

// commandLine is an entry of testdata/commands.txt, whose head says what the lines mean.
type commandLine struct {
	at      int
	text    string
	status  int
	output  string
	regexps []string
}

func commandLines(t *testing.T) []commandLine {
	t.Helper()
	data, err := os.ReadFile("testdata/commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []commandLine
	for i, line := range strings.Split(string(data), "\n") {
		last := len(list) - 1
		switch {
		case strings.HasPrefix(line, "$ "):
			list = append(list, commandLine{at: i + 1, text: line[2:]})
		case line == "" || strings.HasPrefix(line, "# ") || last < 0:
		case strings.HasPrefix(line, "? "):
			if list[last].status, err = strconv.Atoi(line[2:]); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
		case strings.HasPrefix(line, "~ "):
			list[last].regexps = append(list[last].regexps, line[2:])
		case strings.HasPrefix(line, "| "), line == "|":
			list[last].output += strings.TrimPrefix(line[1:], " ") + "\n"
		default:
			t.Fatalf("line %d: %q begins with none of $ ? ~ | #", i+1, line)
		}
	}
	return list
}

// TestCommandLines runs what people type in a container from scratch, all in one session.
func TestCommandLines(t *testing.T) {
	testutil.RequireRoot(t)
	root := testutil.ModuleRoot(t)
	if _, err := os.Stat(filepath.Join(root, "toolbox/embedded/bundle.tar")); err != nil {
		testutil.SkipOrFail(t, "needs the toolbox, which make builds")
	}
	list := commandLines(t)
	if len(list) < 150 {
		t.Errorf("%d command lines, want 150 at least", len(list))
	}
	target := startApp(t)
	var script strings.Builder
	for i, c := range list {
		fmt.Fprintf(&script, "printf '\\001%d\\n'\nbash -c %s </dev/null 2>&1\nprintf '\\002%%d\\n' $?\n", i, testutil.Quote(c.text))
	}
	cmd := exec.Command(testutil.BuildDlx(t), "debug", "-i", "--timeout", "5m", target.Name, "--", "bash")
	cmd.Stdin = strings.NewReader(script.String())
	cmd.Env = target.env
	got := testutil.Collect(t, cmd)
	results := strings.Split(got.Stdout, "\x01")[1:]
	if len(results) != len(list) {
		t.Errorf("%d results of %d command lines; the session: status %d, %s", len(results), len(list), got.Code, got.Stderr)
	}
	for i, r := range results[:min(len(results), len(list))] {
		_, r, _ = strings.Cut(r, "\n")
		output, status, _ := strings.Cut(r, "\x02")
		t.Run(fmt.Sprintf("line %d", list[i].at), func(t *testing.T) { list[i].check(t, output, strings.TrimSpace(status)) })
	}
}

func (c *commandLine) check(t *testing.T, output, status string) {
	t.Helper()
	if status != strconv.Itoa(c.status) {
		t.Errorf("%s: status %s, want %d\n%s", c.text, status, c.status, output)
		return
	}
	for _, expr := range c.regexps {
		re, err := regexp.Compile("(?m)" + expr)
		if err != nil {
			t.Fatal(err)
		}
		if !re.MatchString(output) {
			t.Errorf("%s: no match for %s in:\n%s", c.text, expr, output)
		}
	}
	if output != "" && !strings.HasSuffix(output, "\n") {
		output += "\n"
	}
	if c.regexps == nil {
		if diff := cmp.Diff(c.output, output); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

type appContainer struct {
	*testutil.Container
	env []string
}

// startApp starts the container that is looked into: no shell, no library, loopback alone.
func startApp(t *testing.T) appContainer {
	t.Helper()
	program := filepath.Join(t.TempDir(), "app")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "./testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the app: %v\n%s", err, out)
	}
	image := testutil.Image(t, "app", testutil.HostFile(t, program, "/app"), testutil.Dir("/data", 0o755), testutil.Dir("/run", 0o755),
		testutil.Dir("/tmp", 0o1777),
		testutil.Data("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/data:/app\n", 0o644),
		testutil.Data("/etc/group", "root:x:0:\napp:x:1000:\n", 0o644),
		testutil.Data("/data/access.log", accessLog, 0o644),
		testutil.Data("/data/app.conf", "# settings\nport = 8080\nhost = app.test\ndebug = false\n", 0o640),
		testutil.Data("/data/words.csv", "id,name,size\n1,one,10\n2,two,200\n3,three,30\n", 0o644),
		testutil.Data("/data/data.json", `{"name":"app","ports":[80,443],"env":{"B":"2","A":"1"},"ratio":1.50}`+"\n", 0o644),
		testutil.Symlink("/data/current", "app.conf"), testutil.Data("/data/sub/deep/note.txt", "first\nTODAY second\nthird\n", 0o644))
	docker := testutil.RequireDocker(t)
	c := testutil.Run(t, testutil.RunOptions{Image: image, Hostname: "scratch", NetworkMode: "none", Env: []string{"APP_PORT=8080"},
		Change: func(_ *container.Config, h *container.HostConfig) {
			h.DNS = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		}})
	testutil.Wait(t, "the app", 20*time.Second, func() bool { return strings.Contains(c.Logs(), "ready") })
	return appContainer{c, docker.Env(os.Environ())}
}

var accessLog = string(bytes.TrimLeft([]byte(`
10.0.0.1 - - [24/Nov/2026:10:00:00] "GET / HTTP/1.1" 200 512
10.0.0.2 - - [24/Nov/2026:10:00:01] "GET /api HTTP/1.1" 500 17
10.0.0.1 - - [24/Nov/2026:10:00:02] "POST /api HTTP/1.1" 201 99
10.0.0.3 - - [24/Nov/2026:10:00:03] "GET /img HTTP/1.1" 404 0
10.0.0.1 - - [24/Nov/2026:10:00:04] "GET / HTTP/1.1" 200 512
`), "\n"))
