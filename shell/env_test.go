package shell_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/shell"
)

func TestEnvironment(t *testing.T) {
	container := []string{"A=1", "LD_PRELOAD=/x", "BASH_ENV=/x", "BASH_FUNC_ls%%=() { :; }", "ENV=/x", "PS1=$(x)", "B=2=3", "broken", "=x", "A=4"}
	var e shell.Environment
	e.AddTarget(container, true)
	e.Set("C", "5")
	got, err := e.List()
	if diff := cmp.Diff([]string{"A=4", "B=2=3", "C=5"}, got); err != nil || diff != "" {
		t.Errorf("error %v, toolbox session (-want +got):\n%s", err, diff)
	}
	var plain shell.Environment
	plain.AddTarget(container, false)
	if plain.Get("LD_PRELOAD") != "/x" {
		t.Error("a session with the container's own programs lost LD_PRELOAD")
	}
}

func TestEnvironmentTooLarge(t *testing.T) {
	for name, set := range map[string]func(e *shell.Environment){
		"one": func(e *shell.Environment) { e.Set("BIG", strings.Repeat("x", 128<<10)) },
		"many": func(e *shell.Environment) {
			for i := range 1 << 10 {
				e.Set(fmt.Sprint("V", i), strings.Repeat("x", 1<<10))
			}
		},
	} {
		var e shell.Environment
		set(&e)
		var large *shell.EnvTooLargeError
		if _, err := e.List(); !errors.As(err, &large) || large.Size <= large.Limit || large.Hint() == "" {
			t.Errorf("%s: error %v, want *shell.EnvTooLargeError", name, err)
		}
	}
}

func ExampleEnvironment() {
	var e shell.Environment
	e.AddTarget([]string{"COLOR=blue", "LD_PRELOAD=/evil.so"}, true)
	list, err := e.List()
	fmt.Println(list, err)
	// Output: [COLOR=blue] <nil>
}
