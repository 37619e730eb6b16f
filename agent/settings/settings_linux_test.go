package settings_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"dlx/agent/settings"
	"dlx/internal/strictyaml"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// flags are a test's: a text, a time, and a switch.
func flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("x", pflag.ContinueOnError)
	f.String("socket", "/run/x", "")
	f.Duration("keep-age", time.Hour, "")
	f.Bool("record-input", false, "")
	f.String("word", "a", "")
	f.String("output", "table", "")
	return f
}

func table(t testing.TB, args ...string) *settings.Table {
	t.Helper()
	f := flags()
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &settings.Table{Flags: f, New: flags, Prefix: "X_", Not: []string{"output"}, Checks: map[string]func(string) error{
		"word": func(s string) error {
			if s != "a" && s != "b" {
				return errors.New("takes a or b")
			}
			return nil
		},
	}}
}

// TestPrecedence: a flag goes before a variable, which goes before the file, which goes before the
// default; and it is told which it was.
func TestPrecedence(t *testing.T) {
	const file = "version: 1\n# why\nsocket: /file\nkeep-age: 2h\nrecord-input: true\nword: b\n"
	for _, tt := range []struct {
		name, file string
		env, args  []string
		want       string
	}{
		{name: "nothing", want: "keep-age=1h0m0s default, record-input=false default, socket=/run/x default, word=a default"},
		{name: "file", file: file, want: "keep-age=2h f:4, record-input=true f:5, socket=/file f:3, word=b f:6"},
		{
			name: "variables", file: file, env: []string{"X_SOCKET=/env", "X_RECORD_INPUT=false", "OTHER=1", "X_WORD="},
			want: "keep-age=2h f:4, record-input=false $X_RECORD_INPUT, socket=/env $X_SOCKET, word=b f:6",
		},
		{
			name: "flags", file: file, env: []string{"X_SOCKET=/env", "X_KEEP_AGE=3h"}, args: []string{"--socket=/flag", "--record-input=false"},
			want: "keep-age=3h $X_KEEP_AGE, record-input=false --record-input, socket=/flag --socket, word=b f:6",
		},
		{name: "a flag that says the default", file: file, args: []string{"--word=a", "--keep-age=1h"}, want: "keep-age=1h0m0s --keep-age, record-input=true f:5, socket=/file f:3, word=a --word"},
	} {
		data := []byte(tt.file)
		if tt.file == "" {
			data = nil
		}
		tab := table(t, tt.args...)
		values, _, err := tab.Load("f", data, tt.env)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, v := range values {
			got = append(got, v.Name+"="+v.Value+" "+v.Where)
			if have := tab.Flags.Lookup(v.Name).Value.String(); have != v.Value && have != v.Value+"0m0s" {
				t.Errorf("%s: %s holds, and %s is told", tt.name, have, v.Value)
			}
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestMistakes: what is not understood is told with its place, also where something else goes
// before it.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		file      string
		env, args []string
		want      string
	}{
		{file: "version: 1\nsoket: /x\n", want: `f:2: unknown key "soket": a configuration takes version, keep-age, record-input, socket, word`},
		{file: "version: 1\noutput: json\n", want: `f:2: unknown key "output"`},
		{file: "version: 1\nkeep-age: long\n", args: []string{"--keep-age=1h"}, want: `f:2: keep-age takes no "long"`},
		{file: "version: 1\nword: c\n", env: []string{"X_WORD=b"}, want: "f:2: word takes a or b"},
		{file: "version: 1\nrecord-input: yes\n", want: "f:2: record-input takes true or false"},
		{file: "version: 1\nsocket: [a]\n", want: "f:2: socket takes single values"},
		{file: "version: 1\nsocket: a\nsocket: b\n", want: "f:3: the key socket was given in line 2"},
		{file: "version: 1\nsocket: true\n", want: "f:2: socket: put \"true\" in quotes"},
		{file: "version: 2\n", want: "f:1: version: this dlx takes version: 1"},
		{file: "socket: a\n", want: "f:1: no version"},
		{file: "", want: "f:1: there is no configuration in it"},
		{file: "version: 1\nsocket: &a /x\n", want: "f:2: anchors and aliases are not taken"},
		{file: "version: 1\nsocket: !!str /x\n", want: "f:2: tags are not taken"},
		{file: "version: 1\n---\nversion: 1\n", want: "a second document begins"},
		{env: []string{"X_KEEP_AGE=long"}, want: `$X_KEEP_AGE takes no "long"`},
		{env: []string{"X_WORD=c"}, want: "$X_WORD takes a or b"},
		{args: []string{"--word=c"}, want: "--word takes a or b"},
		{env: []string{"X_SOCKET=" + strings.Repeat("x", 2000)}, want: "$X_SOCKET takes no text of more than 1024 bytes"},
	} {
		data := []byte(tt.file)
		if tt.env != nil || tt.args != nil && tt.file == "" {
			data = nil
		}
		if tt.file != "" {
			data = []byte(tt.file)
		}
		_, _, err := table(t, tt.args...).Load("f", data, tt.env)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q %v %v: %v, want %s", tt.file, tt.env, tt.args, err, tt.want)
		}
	}
	_, strangers, err := table(t).Load("f", nil, []string{"X_SOKET=1", "X_=2", "Y_SOCKET=3"})
	if err != nil || !slices.Equal(strangers, []string{"X_SOKET", "X_"}) {
		t.Errorf("%q, %v", strangers, err)
	}
}

// FuzzLoad: no file is a crash. Its mistakes are lines that steer no terminal; what is taken is
// within bounds, and taken again as it is told.
func FuzzLoad(f *testing.F) {
	f.Add("version: 1\nsocket: /file\nkeep-age: 2h\nrecord-input: true\nword: b\n")
	f.Add("version: 1\nsocket: \"\\u202e\\x00\"\nkeep-age: -1\nword: c\n")
	f.Add("a: &a [*a]\n---\n? - {\n: x")
	f.Fuzz(func(t *testing.T, text string) {
		tab := table(t)
		values, _, err := tab.Load("f", []byte(text), nil)
		list, ok := errors.AsType[strictyaml.Errors](err)
		if err != nil && (!ok || len(list) == 0) {
			t.Fatal(err)
		}
		for _, e := range list {
			if strings.ContainsFunc(e.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q", e.Error())
			}
		}
		for _, v := range values {
			if len(v.Value) > 1<<10 {
				t.Errorf("%s has %d bytes", v.Name, len(v.Value))
			}
			if v.From == settings.File && v.Value != "" {
				again, _, err := table(t).Load("f", nil, []string{tab.Variable(v.Name) + "=" + v.Value})
				if err != nil || !slices.ContainsFunc(again, func(a settings.Value) bool { return a.Name == v.Name && a.Value == v.Value }) {
					t.Errorf("%+v is not taken again: %v", v, err)
				}
			}
		}
	})
}
