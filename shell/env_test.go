package shell_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/shell"
)

func TestEnvironment(t *testing.T) {
	container := []string{"HOSTNAME=1", "LD_PRELOAD=/x", "COLOR=blue", "NO_PROXY=2=3", "broken", "=x", "HOSTNAME=4"}
	var e shell.Environment
	left := e.AddTarget(container, shell.InheritHarmless)
	e.Set("C", "5")
	got, err := e.List()
	if diff := cmp.Diff([]string{"HOSTNAME=4", "NO_PROXY=2=3", "C=5"}, got); err != nil || diff != "" {
		t.Errorf("error %v, toolbox session (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"LD_PRELOAD", "COLOR"}, left); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	var plain shell.Environment
	if left := plain.AddTarget(container, shell.InheritAll); len(left) != 0 || plain.Get("LD_PRELOAD") != "/x" {
		t.Errorf("all of the variables: LD_PRELOAD %q, left out %q", plain.Get("LD_PRELOAD"), left)
	}
}

// TestHarmless: variables by which any tool would run, load or read what the container chose are
// left out. The defence is that every variable which is not listed is.
func TestHarmless(t *testing.T) {
	let := func(s string) string {
		var e shell.Environment
		e.AddTarget([]string{s}, shell.InheritHarmless)
		list, err := e.List()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(list, "")
	}
	for s := range strings.FieldsSeq(`PATH=/a:/b TZ=Europe/Berlin TZ=CET-1CEST HTTPS_PROXY=http://p:1
		PGHOST=db KUBERNETES_SERVICE_HOST=10.0.0.1 KUBERNETES_SERVICE_PORT_HTTPS=443 WEB_PORT_80_TCP=tcp://10.0.0.2:80 WEB_PORT_80_TCP_ADDR=10.0.0.2 POD_NAME=x`) {
		if got := let(s); got != s {
			t.Errorf("%s became %q", s, got)
		}
	}
	for s, want := range map[string]string{"PATH=.:/a::b:/c": "PATH=/a:/c", "PATH=.": "PATH="} {
		if got := let(s); got != want {
			t.Errorf("%s became %q, want %q", s, got, want)
		}
	}
	for s := range strings.FieldsSeq(`GCONV_PATH=/x LD_PRELOAD=/x LD_LIBRARY_PATH=/x LD_AUDIT=/x GLIBC_TUNABLES=glibc.rtld.nns=1 MALLOC_TRACE=/x LOCPATH=/x
		NLSPATH=/x HOSTALIASES=/x LOCALDOMAIN=x RES_OPTIONS=debug RESOLV_HOST_CONF=/x TZDIR=/x TERMINFO=/x TERMINFO_DIRS=/x TERMCAP=/x NIS_PATH=/x GETCONF_DIR=/x TMPDIR=/x
		OPENSSL_CONF=/x OPENSSL_ENGINES=/x OPENSSL_MODULES=/x SSL_CERT_FILE=/x SSL_CERT_DIR=/x SSLKEYLOGFILE=/x BASH_ENV=/x ENV=/x PROMPT_COMMAND=x PS0=x PS1=x PS2=x PS3=x PS4=x
		SHELLOPTS=xtrace BASHOPTS=x BASH_FUNC_ls%%=x CDPATH=/x INPUTRC=/x HISTFILE=/x HOME=/x CURL_HOME=/x WGETRC=/x NETRC=/x VIMINIT=x EXINIT=x MYVIMRC=/x
		GDBHISTFILE=/x LESS=x LESSOPEN=x LESSKEY=/x LESSCLOSE=x PAGER=x EDITOR=x VISUAL=x MANPAGER=x DIGRC=/x TMUX=x TMUX_TMPDIR=/x SHELL=/x TERM=x
		PYTHONPATH=/x PYTHONHOME=/x PYTHONSTARTUP=/x PERL5LIB=/x PERL5OPT=x RUBYOPT=x NODE_OPTIONS=x JAVA_TOOL_OPTIONS=x GODEBUG=x GOTRACEBACK=x PGSERVICEFILE=/x PGSYSCONFDIR=/x
		PSQLRC=/x PSQL_PAGER=x REDISCLI_RCFILE=/x DEBUGINFOD_URLS=x XDG_CONFIG_HOME=/x XDG_DATA_DIRS=/x IFS=x LANGUAGE=x
		LANG=de_DE.UTF-8 LC_ALL=x.KOI8-R TZ=/x TZ=:/x TZ=../x PWD=/x OLDPWD=/x _SERVICE_PORT_=1 _PORT=1`) {
		if got := let(s); got != "" {
			t.Errorf("%s became %q, want nothing", s, got)
		}
	}
	if got := let("HOSTNAME=a\x1b[2J"); got != "" {
		t.Errorf("a value with an escape became %q", got)
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
		if _, err := e.List(); !errors.Is(err, fault.EnvironmentTooBig) || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: error %v, want fault.EnvironmentTooBig", name, err)
		}
	}
}

func ExampleEnvironment() {
	var e shell.Environment
	e.AddTarget([]string{"HTTP_PROXY=http://proxy:3128", "LD_PRELOAD=/evil.so"}, shell.InheritHarmless)
	list, err := e.List()
	fmt.Println(list, err)
	// Output: [HTTP_PROXY=http://proxy:3128] <nil>
}
