package policy_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/agent/policy"
	"dlx/internal/strictyaml"
)

const good = "  - allow: it\n    who: {users: [alice]}\n    verbs: [list]\n    targets: [{name: web}]\n"

// TestMistakes: each mistake is told with its line, and with what is right.
func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":          {"", `1: there is no policy in it: it begins with version: 1`},
		"a comment":        {"# nothing\n", `1: there is no policy in it: it begins with version: 1`},
		"a word":           {"allow\n", `1: a policy is made of keys with values: version, rules`},
		"no version":       {"rules:\n" + good, `1: no version: this dlx takes version: 1`},
		"another version":  {"version: 2\nrules:\n" + good, `1: version: this dlx takes version: 1`},
		"no rules":         {"version: 1\n", `1: no rules: a policy that allows nothing has a deny rule`},
		"empty rules":      {"version: 1\nrules: []\n", `2: rules is empty, which does not mean all`},
		"rules: null":      {"version: 1\nrules:\n", `2: rules takes a list`},
		"unknown key":      {"version: 1\nrule: []\nrules:\n" + good, `2: unknown key "rule": a policy takes version, rules`},
		"twice":            {"version: 1\nrules:\n" + good + "version: 1\n", `7: the key version was given in line 1`},
		"two documents":    {"version: 1\nrules:\n" + good + "---\nversion: 1\n", `7: a second document begins`},
		"empty document":   {"version: 1\nrules:\n" + good + "---\n", `7: a second document begins`},
		"anchor":           {"version: &v 1\nrules:\n" + good, `1: anchors and aliases are not taken`},
		"alias":            {"version: 1\nrules:\n" + good + "  - *it\n", `7: not YAML: unknown anchor 'it' referenced`},
		"tag":              {"version: !!str 1\nrules:\n" + good, `1: tags are not taken`},
		"merge":            {"version: 1\n<<: {rules: [x]}\nrules:\n" + good, `2: unknown key "<<"`},
		"not YAML":         {"version: 1\nrules:\n\t- x\n", `3: not YAML: found character that cannot start any token`},
		"open list":        {"version: 1\nrules: [\n", `3: not YAML: did not find expected node content`},
		"no colon":         {"version: 1\nrules:\n  - deny: a\n    who {users: [a]}\n    verbs: [list]\n", `4: not YAML: did not find expected key while parsing a block mapping, which begins in line 3`},
		"open quote":       {"version: 1\nrules:\n  - deny: \"a\n    who: {}\n", `5: not YAML: found unexpected end of stream while scanning a quoted scalar, which begins in line 3`},
		"deep":             {"version: 1\nrules: " + strings.Repeat("[", 9) + strings.Repeat("]", 9), `2: nested more than 8 deep`},
		"too deep":         {"version: 1\nrules: " + strings.Repeat("[", 1<<19), `not YAML: exceeded max depth of 10000`},
		"UTF-16":           {"\xff\xfev\x00e\x00", `1: not text in UTF-8`},
		"control byte":     {"version: 1\n# \x1b[2J\nrules:\n" + good, `2: U+001B is a character that can not be seen: in double quotes it can be written \u001B`},
		"turned writing":   {"version: 1\n# \u202e\nrules:\n" + good, `2: U+202E is a character that can not be seen`},
		"rule: a word":     {"version: 1\nrules:\n  - allow\n", `3: a rule begins with its name, as allow: NAME or deny: NAME`},
		"rule's first key": {"version: 1\nrules:\n  - who: {users: [a]}\n    allow: x\n", `3: a rule begins with its name, as allow: NAME or deny: NAME`},
		"both":             {"version: 1\nrules:\n  - deny: x\n    allow: y\n", `4: unknown key "allow": rule "x" takes deny, who, verbs, targets, profiles, fs, users, devices, toolboxes, privileged`},
		"no name":          {"version: 1\nrules:\n  - deny:\n", `3: deny has an empty value`},
		"same name":        {"version: 1\nrules:\n" + good + "  - deny: it\n", `7: the rule of line 3 is called "it" too`},
		"nothing allowed":  {"version: 1\nrules:\n  - allow: x\n", `3: rule "x" has no who, no verbs, no targets: what an allow rule is for is written out`},
		"half a session":   {"version: 1\nrules:\n  - allow: x\n    who: {users: [a]}\n    verbs: [debug]\n    targets: [{name: a}]\n", `3: rule "x" has no profiles, no fs, no users`},
		"own verb":         {"version: 1\nrules:\n  - deny: x\n    verbs: [sessions]\n    targets: [{name: a}]\n", `3: rule "x": sessions has no target: put it into a rule of its own, without targets`},
		"mixed verbs":      {"version: 1\nrules:\n  - deny: x\n    verbs: [debug, audit]\n", `3: rule "x": audit has no target`},
		"limits of deny":   {"version: 1\nrules:\n  - deny: x\n    limits: {time: 1h}\n", `4: unknown key "limits"`},
		"never met":        {"version: 1\nrules:\n  - deny: x\n    verbs: [capture]\n    profiles: [sysadmin]\n", `5: profiles says something of debug alone, which is not in verbs`},
		"filter of a list": {key("filter: required"), `7: filter says something of capture alone`},

		"empty who":       {key("who: {}"), `7: who is empty, which does not mean all: it takes users, groups, certificates`},
		"empty list":      {key("who: {users: []}"), `7: users is empty, which does not mean all`},
		"no list":         {key("who: {users: alice}"), `7: users takes a list, as in users: [ONE, TWO]`},
		"unknown who":     {key("who: {user: [alice]}"), `7: unknown key "user": who takes users, groups, certificates`},
		"pattern of user": {key("who: {users: [al*]}"), `7: users: "al*" is no name: names are given in full, or as numbers; "*" alone is every user of this host`},
		"user's number":   {key("who: {users: [01]}"), `7: users: "01" is no user's or group's number`},
		"large number":    {key("who: {users: [4294967296]}"), `is no user's or group's number`},
		"any group":       {key(`who: {groups: ["*"]}`), `7: groups: "*" is no group: users: ["*"] is every user of this host`},
		"kind of name":    {key("who: {certificates: [bob]}"), `7: certificates: "bob" is no name of a certificate: DNS:NAME, URI:URI, email:ADDRESS or IP:ADDRESS`},
		"pattern of IP":   {key(`who: {certificates: ["IP:10.*"]}`), `7: certificates: "IP:10.*": a pattern has * and ? alone, and an address none`},
		"same user twice": {key("who: {users: [a, b, a]}"), `7: users has "a" twice`},
		"verb":            {key("verbs: [exec]"), `7: verbs: no verb "exec": there are audit, capture, captures, debug, eject, health, hold, import, inject, interfaces, list, netns, sessions, toolboxes`},
		"empty target":    {key("targets: [{}]"), `7: an entry of targets is empty, which does not mean all: it takes subject, runtime, name, image, labels, owner, host`},
		"target's key":    {key("targets: [{names: a}]"), `7: unknown key "names": an entry of targets takes subject,`},
		"target: a word":  {key("targets: [web]"), `7: an entry of targets is made of keys with values`},
		"subject":         {key("targets: [{subject: pod}]"), `7: subject: "pod" is none of container, process, stopped, image, netns`},
		"runtime":         {key("targets: [{runtime: lxc}]"), `7: runtime: "lxc" is none of docker, containerd, podman`},
		"process's image": {key("targets: [{subject: process, image: x}]"), `7: a process has no runtime, and so neither image nor labels nor owner`},
		"process's name":  {key("targets: [{subject: process, name: x}]"), `7: a process has no name`},
		"brackets":        {key(`targets: [{name: "web-[0-9]"}]`), `7: name: "web-[0-9]": a pattern has * and ?, and no []{}\`},
		"label":           {key(`targets: [{labels: ["=x"]}]`), `7: labels: "=x" is no label: KEY or KEY=VALUE`},
		"label's value":   {key(`targets: [{labels: ["a={x,y}"]}]`), `7: labels: "{x,y}": a pattern has`},
		"owner":           {key(`targets: [{owner: alice}]`), `7: owner: "alice" is no owner: root, self (who asks), or a user's number`},
		"host":            {key(`targets: [{name: a, host: [user]}]`), `7: host: "user" is none of mnt, net, pid, ipc, uts`},
		"fraction":        {key("targets: [{image: 1.27}]"), `7: image: put "1.27" in quotes, if that text is meant`},
		"true":            {key("targets: [{name: true}]"), `7: name: put "true" in quotes, if that text is meant`},
		"a list":          {key("targets: [{name: [a]}]"), `7: name takes single values`},
		"null":            {key("targets: [{name: ~}]"), `7: name has an empty value`},
		"long":            {key("targets: [{name: " + strings.Repeat("a", 1025) + "}]"), `7: name: a value of more than 1024 bytes`},
		"profile":         {key("profiles: [admin]"), `7: profiles: "admin" is none of baseline, general, netadmin, restricted, sysadmin`},
		"fs":              {key("fs: [all]"), `7: fs: "all" is none of toolbox, host, target`},
		"inside user":     {key("users: [nobody]"), `7: users: "nobody" is no user of a container: UID, UID:GID or "*"`},
		"device":          {key("devices: [/etc/passwd]"), `7: devices: "/etc/passwd" is no device: /dev/NAME, or /dev/NAME:ACCESS with some of r, w and m`},
		"device's way":    {key("devices: [/dev/../etc/x]"), `is no device`},
		"device's access": {key("devices: ['/dev/sda:x']"), `is no device`},
		"toolbox":         {key("toolboxes: [net]"), `7: an entry of toolboxes is made of keys with values: name, key`},
		"privileged":      {key("privileged: yes"), `7: privileged takes true or false`},
		"reason":          {key("reason: true"), `7: reason: put "true" in quotes`},
		"reason, a word":  {key("reason: ticket"), `7: reason: "ticket" is none of required`},
		"limit":           {key("limits: {cpu: 1}"), `7: unknown key "cpu": limits takes time, bytes, sessions, memory, pids, ring`},
		"time":            {key("limits: {time: 0s}"), `7: time: "0s" is no time above zero, such as 90s, 30m or 8h`},
		"days":            {key("limits: {time: 1d}"), `7: time: "1d" is no time above zero`},
		"size":            {key("limits: {memory: 1e30}"), `7: memory: put "1e30" in quotes`},
		"large size":      {key("limits: {memory: '9000000000000000g'}"), `7: memory: "9000000000000000g" is no size such as 512m or 1g`},
		"count":           {key("limits: {sessions: -1}"), `7: sessions: "-1" is no number above zero`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.Parse("p.yaml", []byte(tt.text))
			list, ok := errors.AsType[strictyaml.Errors](err)
			if p != nil || !ok || len(list) == 0 {
				t.Fatalf("%v, %v", p, err)
			}
			if got := err.Error(); !strings.Contains(got, tt.want) || !strings.HasPrefix(got, "p.yaml:") || strings.ContainsAny(got, "\x1b\u202e") {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

// key is a good rule and a line more.
func key(line string) string {
	name, _, _ := strings.Cut(line, ":")
	rule := "  - allow: it\n    who: {users: [alice]}\n    verbs: [list, hold, inject]\n    targets: [{name: web}]\n"
	switch name {
	case "profiles", "fs", "users", "devices", "privileged":
		rule = strings.Replace(rule, "list", "debug", 1)
	case "who", "verbs", "targets":
		rule = "  - deny: it\n#\n#\n#\n"
	}
	return "version: 1\nrules:\n" + rule + "    " + line + "\n"
}

// TestAllMistakes: all of them are told at once, in order, but not without end.
func TestAllMistakes(t *testing.T) {
	_, err := policy.Parse("p.yaml", []byte("version: 2\nrules:\n  - deny: a\n    verb: [x]\n    who: {users: []}\n  - allow: b\n"))
	var lines []int
	list, _ := errors.AsType[strictyaml.Errors](err)
	for _, e := range list {
		lines = append(lines, e.Line)
	}
	if diff := cmp.Diff([]int{1, 4, 5, 6}, lines); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	_, err = policy.Parse("p.yaml", []byte("version: 1\nrules:\n"+strings.Repeat("  - x\n", 10000)))
	if list, _ := errors.AsType[strictyaml.Errors](err); len(list) != 50 {
		t.Errorf("%d mistakes", len(list))
	}
}

// TestTooLong: no file costs more than a bound.
func TestTooLong(t *testing.T) {
	text := "version: 1\nrules:\n" + good
	text += strings.Repeat("#", policy.MaxSize-len(text))
	if _, err := policy.Parse("p.yaml", []byte(text)); err != nil {
		t.Error(err)
	}
	if _, err := policy.Parse("p.yaml", []byte(text+"#")); err == nil || err.Error() != "p.yaml:1: longer than 1048576 bytes" {
		t.Error(err)
	}
	bomb := "version: 1\na: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	if _, err := policy.Parse("p.yaml", []byte(bomb)); err == nil || !strings.Contains(err.Error(), "p.yaml:2: anchors and aliases are not taken") {
		t.Error(err)
	}
}

// TestDigest: a policy is known by its bytes.
func TestDigest(t *testing.T) {
	p := parse(t, good)
	if p.Digest() != fmt.Sprintf("%x", sha256.Sum256([]byte("version: 1\nrules:\n"+good))) || p.Digest() == parse(t, good+"#\n").Digest() || p.Name() != "p.yaml" {
		t.Error(p.Digest())
	}
	if allowing, denying := parse(t, good+"  - deny: a\n  - deny: b\n").Count(); allowing != 1 || denying != 2 {
		t.Error(allowing, denying)
	}
}
