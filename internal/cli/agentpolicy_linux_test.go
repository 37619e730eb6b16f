package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dlx/internal/testutil"
)

// runHere runs dlx in this process, with both of its outputs in one.
func runHere(args ...string) (output string, code int) {
	var out bytes.Buffer
	a := &app{stdin: os.Stdin, stdout: &out, stderr: &out, giveUp: func(string, string) error { return nil }}
	code = a.run(args)
	return out.String(), code
}

// inDocs is a folder with docs/policy.md's example as policy.yaml, and a policy with mistakes.
func inDocs(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testutil.ModuleRoot(t), "docs/policy.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	if m == nil {
		t.Fatal("docs/policy.md has no example")
	}
	t.Chdir(t.TempDir())
	wrong := "version: 1\nrules:\n  - allow: the shop\n    profile: [general]\n    who: {users: []}\n    verbs: [debug]\n    targets: [{name: \"shop-[0-9]\"}]\n"
	for name, data := range map[string]string{"policy.yaml": string(m[1]), "wrong.yaml": wrong} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const oncall = "docker://web --policy policy.yaml --group oncall --label team=shop --reason slow"

// TestPolicyDocs: docs/policy.md's example is a policy, and the commands print what it shows.
func TestPolicyDocs(t *testing.T) {
	for section, lines := range map[string][]string{
		"check": {"check policy.yaml", "check wrong.yaml"},
		"explain": {
			"explain root debug " + oncall,
			"explain root debug " + oncall + " --profile netadmin",
			"explain root debug " + oncall + " --label pci",
			"explain URI:spiffe://example.com/oncall/bob capture containerd://shop-1 --policy policy.yaml --image registry.example.com/shop/cart:3 --reason slow",
			"explain root capture docker://ingress --policy policy.yaml --group netops --host net --filter 443 --reason slow",
			"explain root sessions --policy policy.yaml",
		},
	} {
		t.Run(section, func(t *testing.T) {
			inDocs(t)
			var text strings.Builder
			for _, line := range lines {
				output, _ := runHere(append([]string{"dlx", "agent", "policy"}, strings.Fields(line)...)...)
				fmt.Fprintf(&text, "$ dlx agent policy %s\n%s", line, output)
			}
			testutil.Section(t, "docs/policy.md", section, "```console\n"+text.String()+"```\n")
		})
	}
}

// TestPolicyKeys: each key of a policy has a row in docs/policy.md.
func TestPolicyKeys(t *testing.T) {
	inDocs(t)
	text, err := os.ReadFile(filepath.Join(testutil.ModuleRoot(t), "docs/policy.md"))
	if err != nil {
		t.Fatal(err)
	}
	mistakes := "version: 1\nx: x\nrules:\n  - allow: a\n    x: x\n    who: {x: x}\n    targets: [{x: x}]\n    limits: {x: x}\n"
	if err := os.WriteFile("keys.yaml", []byte(mistakes), 0o644); err != nil {
		t.Fatal(err)
	}
	output, _ := runHere("dlx", "agent", "policy", "check", "keys.yaml")
	keys := 0
	for _, m := range regexp.MustCompile(`unknown key "x": .* takes (.*)`).FindAllStringSubmatch(output, -1) {
		for key := range strings.SplitSeq(m[1], ", ") {
			if keys++; !regexp.MustCompile("(?m)^\\|[^|]*`" + key + "`").Match(text) {
				t.Errorf("no row for %s", key)
			}
		}
	}
	if keys != 2+13+3+7+7 {
		t.Errorf("%d keys:\n%s", keys, output)
	}
}

// TestExplain: what the words and flags mean, and what they can not.
func TestExplain(t *testing.T) {
	inDocs(t)
	const file = " --policy policy.yaml"
	for line, want := range map[string]struct {
		code int
		text string
	}{
		"root list docker://web" + file:                         {0, "allowed\npolicy.yaml:3: "},
		"0 list docker://web" + file:                            {0, "allows root the list"},
		"root list podman://1000/web" + file:                    {1, "the owner is user 1000"},
		"root list podman://0/web" + file:                       {0, "allowed"},
		"no-such-user list docker://web" + file:                 {0, "no user no-such-user here: only the groups of --group are known\nallowed"},
		"4294967290 list docker://web" + file:                   {0, "allows uid 4294967290 the list"},
		"root list pid://1" + file:                              {1, "denied\npolicy.yaml:"},
		"root list netns://blue" + file:                         {1, "denied\npolicy.yaml:"},
		"root debug image://nginx" + file:                       {1, "debug of the image docker://nginx"},
		"root debug image://podman://nginx" + file:              {1, "debug of the image podman://nginx"},
		"root debug docker://web --stopped" + file:              {1, "debug of the stopped docker://web"},
		"DNS:a.example.com list docker://web" + file:            {1, "allows DNS:a.example.com the list"},
		"root debug " + oncall + " --fs host":                   {1, "file system host is not in fs"},
		"root debug " + oncall + " --toolbox net=platform-team": {0, "allowed"},
		"root debug " + oncall + " --toolbox net":               {1, "toolbox net, signed by , is not in toolboxes"},
		"root debug " + oncall + " --device /dev/fuse":          {1, "device /dev/fuse is not in devices"},
		"root debug " + oncall + " --privileged":                {1, "the container is privileged"},
		"root debug " + oncall + " --host pid":                  {1, "host's pid namespace"},
		"root debug " + oncall + " --timeout 2h":                {1, "it takes 2h, and the limit of time is 1h"},
		"root debug " + oncall + " --memory 2g":                 {1, "it may take 2GiB of memory"},
		"root debug " + oncall + " --pids-limit 1000":           {1, "it may have 1000 processes"},
		"root debug " + oncall + " --user 1000:1000":            {0, "limits: time 1h, bytes 2GiB, sessions 4, memory 1GiB, pids 512, ring 64MiB"},
		"root hold " + oncall + " --hold 2h":                    {1, "it holds the container for 2h"},
		"root capture " + oncall:                                {1, "a filter is required"},
		"root sessions --group audit" + file:                    {0, "allows root the sessions"},
		"root exec docker://web" + file:                         {2, `no verb "exec": there are audit, `},
		"root debug" + file:                                     {2, "debug takes a TARGET"},
		"root audit docker://web" + file:                        {2, "audit takes no TARGET"},
		"root debug web" + file:                                 {2, `TARGET "web" has to say its runtime, as docker://web: it is not looked for`},
		"root debug lxc://web" + file:                           {1, "no such scheme"},
		"root debug docker://web --host user" + file:            {2, `--host takes mnt, net, pid, ipc, uts, not "user"`},
		"root debug docker://web --user nobody" + file:          {2, `--user "nobody": numbers are wanted`},
		"root capture docker://web --toolbox x" + file:          {2, "--toolbox goes with debug, inject and eject"},
		"root debug docker://web --policy wrong.yaml":           {1, `wrong.yaml:4: unknown key "profile"`},
		"root debug docker://web --policy none.yaml":            {1, "no such file"},
		"root": {2, "takes USER VERB [TARGET]"},
	} {
		output, code := runHere(append([]string{"dlx", "agent", "policy", "explain"}, strings.Fields(line)...)...)
		if code != want.code || !strings.Contains(output, want.text) {
			t.Errorf("%s: %d, want %d and %q:\n%s", line, code, want.code, want.text, output)
		}
	}
}

// TestPolicyPlace: who checks a policy is told that an agent would not take it from there.
func TestPolicyPlace(t *testing.T) {
	inDocs(t)
	if err := os.Chmod("policy.yaml", 0o666); err != nil {
		t.Fatal(err)
	}
	if output, code := runHere("dlx", "agent", "policy", "check", "policy.yaml"); code != 0 || !strings.Contains(output, "an agent would not take it from here: ") {
		t.Errorf("%d: %s", code, output)
	}
	if output, code := runHere("dlx", "agent", "policy", "check", "."); code != 1 {
		t.Errorf("%d: %s", code, output)
	}
}
