package containerd

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"dlx/target"
	"dlx/target/internal/grpcwire"
	"dlx/target/internal/naming"
)

func number(message []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(message, field, protowire.VarintType), value)
}

func texts(values ...string) (message []byte) {
	for i, v := range values {
		message = grpcwire.AppendBytes(message, protowire.Number(i+1), v)
	}
	return message
}

// TestParseMounts: an overlay's directories, in any order; of what is no overlay none.
func TestParseMounts(t *testing.T) {
	mount := func(kind string, options ...string) []byte {
		m := texts(kind, "overlay")
		for _, o := range options {
			m = grpcwire.AppendBytes(m, 4, o)
		}
		return grpcwire.AppendBytes(nil, 1, m)
	}
	whole := overlay{is: true, upper: "/s/7/fs", work: "/s/7/work", lower: []string{"/s/6/fs", "/s/1/fs"}}
	for name, tt := range map[string]struct {
		answer []byte
		want   overlay
	}{
		"1.6":       {mount("overlay", "index=off", "workdir=/s/7/work", "upperdir=/s/7/fs", "lowerdir=/s/6/fs:/s/1/fs"), whole},
		"2.3":       {mount("overlay", "lowerdir=/s/6/fs:/s/1/fs", "upperdir=/s/7/fs", "workdir=/s/7/work", "volatile"), whole},
		"view":      {mount("overlay", "lowerdir=/s/6/fs:/s/1/fs"), overlay{is: true, lower: whole.lower}},
		"bind":      {mount("bind", "rbind", "rw"), overlay{}},
		"fuse":      {mount("fuse.nydus-overlayfs", "upperdir=/s/7/fs"), overlay{}},
		"none":      {nil, overlay{}},
		"several":   {append(mount("overlay", "upperdir=/a"), mount("overlay", "upperdir=/b")...), overlay{}},
		"relative":  {mount("overlay", "upperdir=s/7/fs"), overlay{}},
		"elsewhere": {mount("overlay", "upperdir=/s/../etc"), overlay{}},
		"lower":     {mount("overlay", "upperdir=/s/7/fs", "lowerdir=/s/6/fs:../etc"), overlay{}},
	} {
		got, err := parseMounts(tt.answer)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(overlay{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if refused := name == "relative" || name == "elsewhere" || name == "lower"; refused != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTask: states in words, and no process's number of one that has none.
func TestTask(t *testing.T) {
	for status, want := range map[uint64]struct {
		state target.State
		pid   int
	}{1: {target.Created, 0}, 2: {target.Running, 7}, 3: {target.Exited, 0}, 4: {target.Paused, 7}, 5: {"pausing", 0}, 6: {"unknown", 0}, 0: {"unknown", 0}} {
		got, err := parseTask(number(number(texts("", "web"), 3, 7), 4, status))
		if err != nil || got.id != "web" || got.state() != want.state || got.process() != want.pid {
			t.Errorf("status %d: %+v is %s with process %d, %v; want %v", status, got, got.state(), got.process(), err, want)
		}
	}
	if (task{}).state() != target.Exited || (task{}).exists() || (task{}).process() != 0 {
		t.Error("no task has a state of its own")
	}
}

// TestNames: what a container is called by who made it, and not by its image.
func TestNames(t *testing.T) {
	random := strings.Repeat("0123456789abcdef", 4)
	pod := map[string]string{naming.LabelPod: "pod", naming.LabelContainer: "web"}
	for _, tt := range []struct {
		want, namespace, id string
		labels              map[string]string
	}{
		{"id", "default", "id", map[string]string{"app": "web"}},
		{"web", "default", random, map[string]string{labelNerdctl: "web"}},
		{"id", "default", "id", map[string]string{labelNerdctl: "web"}},
		{"pod_web", kubernetes, random, pod},
		{random, "default", random, pod},
	} {
		if got := (&record{namespace: tt.namespace, id: tt.id, labels: tt.labels}).name(); got != tt.want {
			t.Errorf("%v is %s, want %s", tt.labels, got, tt.want)
		}
	}
}

// TestMatching: what a name, an ID and their beginnings mean.
func TestMatching(t *testing.T) {
	at := time.Unix(1700000000, 0)
	kube := func(id string, attempt int, status uint64, pod string) entry {
		labels := map[string]string{naming.LabelPod: "shop", naming.LabelPodUID: pod, naming.LabelContainer: "web"}
		return entry{&record{namespace: "k8s.io", id: id, labels: labels, created: at.Add(time.Duration(attempt) * time.Minute)}, task{id: id, status: status}}
	}
	entries := []entry{
		{&record{namespace: "dlx", id: "a"}, task{}},
		{&record{namespace: "dlx", id: "ab"}, task{}},
		{&record{namespace: "dlx", id: "..", labels: map[string]string{labelNerdctl: "evil"}}, task{}},
		{&record{namespace: "dlx", id: "c\x1b", labels: map[string]string{labelNerdctl: "evil"}}, task{}},
		{&record{namespace: "dlx", id: "esc", labels: map[string]string{labelNerdctl: "e\x1bvil"}}, task{}},
		{&record{namespace: "prod", id: "a"}, task{}},
		kube("01", 0, taskStopped, "u1"), kube("02", 1, taskRunning, "u1"), kube("03", 2, 0, "u1"), // live before latest
		kube("11", 1, 0, "u2"), kube("12", 0, 0, "u2"), // latest
	}
	for name, want := range map[string]string{
		"a": "dlx/a prod/a", "ab": "dlx/ab", "prod": "", "evil": "", "e": "dlx/esc", "esc": "dlx/esc", "c": "", "..": "",
		"shop_web": "k8s.io/02 k8s.io/11", "shop": "k8s.io/02 k8s.io/11", "03": "k8s.io/03", "0": "k8s.io/01 k8s.io/02 k8s.io/03",
	} {
		var got []string
		for _, e := range matching(entries, name) {
			got = append(got, e.fullID())
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%q: %s, want %s", name, text, want)
		}
	}
}

// TestBeginning: containerd is asked for a text as it is, and for pods by the part that is theirs.
func TestBeginning(t *testing.T) {
	want := []string{`id~="^a\\.b_c"`, `labels."nerdctl/name"~="^a\\.b_c"`, `labels."io.kubernetes.pod.name"~="^a\\.b",labels."io.kubernetes.container.name"~="^c"`}
	if diff := cmp.Diff(want, beginning("a.b_c")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzAnswers: any bytes are a container, a task, mounts and an event, or are refused.
func FuzzAnswers(f *testing.F) {
	spec := `{"process":{"env":["A=1"],"cwd":"/","user":{"uid":1,"gid":2}},"linux":{"cgroupsPath":"a-b.slice:c:d"}}`
	f.Add(grpcwire.AppendBytes(texts("web", string(texts("app", "shop")), "image"), 5, texts("types.containerd.io/opencontainers/runtime-spec/1/Spec", spec)))
	f.Add(grpcwire.AppendBytes(nil, 1, grpcwire.AppendBytes(texts("overlay"), 4, "lowerdir=/a:/b")))
	f.Add(grpcwire.AppendBytes(nil, 1, texts("bind", "/a")))
	f.Add(number(number(texts("", "web"), 3, 7), 4, 2))
	f.Add(texts("", "dlx", topicStart, string(texts("", string(texts("web"))))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := parseRecord("dlx", data); err == nil {
			var info target.Info
			_ = c.specify(&info)
			_, _, _ = c.name(), c.sandbox(), c.passes(target.Filter{Labels: []string{"app"}})
			if cg := info.Cgroup; cg != "" && !strings.HasPrefix(cg, "/") {
				t.Errorf("cgroup %q", cg)
			}
		}
		if dirs, err := parseView(data); err == nil {
			for _, dir := range dirs {
				if !target.CleanDir(dir) {
					t.Errorf("directory %q of a view", dir)
				}
			}
		}
		_ = (&record{spec: data}).keep(&target.Still{})
		_, _ = textAt(data, 1, 3, 2)
		if o, err := parseMounts(data); err == nil {
			for _, dir := range append(o.lower, o.upper, o.work) {
				if dir != "" && (dir[0] != '/' || strings.Contains(dir+"/", "/../")) {
					t.Errorf("directory %q", dir)
				}
			}
		}
		if task, err := parseTask(data); err == nil && task.process() < 0 {
			t.Errorf("process %d", task.process())
		}
		_, _, _ = parseStart(data)
		_, _ = nameOf(data)
	})
}
