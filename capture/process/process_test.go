package process_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"dlx/capture/process"
)

func TestComment(t *testing.T) {
	tests := []struct {
		p    process.Process
		want string
	}{
		{process.Process{PID: 4711, Inner: 7, Command: "curl"}, "curl (PID 7 in the container, 4711 on the host)"},
		{process.Process{PID: 12, Inner: 12, Command: "sshd"}, "sshd (PID 12)"},
		{process.Process{PID: 12, Inner: 12, Command: "a (PID 3)"}, "a (PID 3) (PID 12)"},
	}
	for _, tt := range tests {
		if got := tt.p.Comment(); got != tt.want {
			t.Errorf("comment %q, want %q", got, tt.want)
		}
		if got, ok := process.ParseComment(tt.want); !ok || got != tt.p {
			t.Errorf("%q is parsed as %+v, want %+v", tt.want, got, tt.p)
		}
	}
	for _, s := range []string{"", "web was restarted: nothing was captured for 1s", "curl (PID )", "curl (PID 99999999999)", " (PID 1) "} {
		if got, ok := process.ParseComment(s); ok {
			t.Errorf("%q is parsed as %+v", s, got)
		}
	}
}

func FuzzParseComment(f *testing.F) {
	f.Add("curl (PID 7 in the container, 4711 on the host)")
	f.Add("\x1b[2J (PID 1)")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := process.ParseComment(s)
		if !ok {
			return
		}
		if strings.ContainsFunc(p.Command, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("command %q", p.Command)
		}
		again, ok := process.ParseComment(p.Comment())
		if diff := cmp.Diff(p, again); !ok || diff != "" {
			t.Errorf("parsed again (-want +got):\n%s", diff)
		}
	})
}

func ExampleProcess_Comment() {
	p := process.Process{PID: 4711, Inner: 7, Command: "curl"}
	fmt.Println(p.Comment())
	// Output: curl (PID 7 in the container, 4711 on the host)
}
