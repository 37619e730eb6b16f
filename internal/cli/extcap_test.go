package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWithVerb(t *testing.T) {
	for line, want := range map[string]string{
		"dlx":                           "",
		"dlx ps":                        "ps",
		"dlx-extcap":                    "extcap",
		"/x/dlx-extcap.exe --help":      "extcap --help",
		"dlx-extcap capture --pipe web": "capture --pipe web",
		"/x/other --extcap-interfaces --extcap-version=4.6": "extcap --extcap-interfaces --extcap-version=4.6",
		"other --capture --fifo f":                          "extcap --capture --fifo f",
		"dlx extcap --capture":                              "extcap --capture",
	} {
		if diff := cmp.Diff(want, strings.Join(withVerb(strings.Fields(line)), " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// TestSentence: text from a hostile container stays within its value and its line.
func TestSentence(t *testing.T) {
	var out strings.Builder
	a := &app{stdout: &out}
	name := "a}{value=x}\ninterface {value=evil}\x1b[2J\u202e\xff"
	if err := a.sentence("interface", "value", "dlx-1", "display", name, "empty", ""); err != nil {
		t.Fatal(err)
	}
	want := `interface {value=dlx-1}{display=a)(value=x)\ninterface (value=evil)\x1b[2J\u202e\xff}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSelectable(t *testing.T) {
	for name, want := range map[string]bool{
		"web": true, "a_b.c-9": true, "": false, "-x": false, "a/b": false, "a b": false, "a}": false, "a=b": false, "a\nb": false, "a:b": false,
		strings.Repeat("a", 201): false,
	} {
		if got := selectable(name); got != want {
			t.Errorf("selectable(%q) = %v", name, got)
		}
	}
}

func TestTyped(t *testing.T) {
	var got extcapTarget
	if err := got.typed(" web  pid://12 label=app=shop "); err != nil {
		t.Fatal(err)
	}
	want := extcapTarget{targets: []string{"web", "pid://12"}, labels: []string{"app=shop"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(extcapTarget{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", " ", "-w", "--write=/etc/passwd", "a/b", "label=", "lxc://x", "web -w /x"} {
		if err := new(extcapTarget).typed(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
