package testutil

import (
	_ "embed"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Hostile is a container's files and variables by which other people's programs load, run or write
// something. Each of them leaves a file in a canary folder.
type Hostile struct {
	Files []Program
	Env   []string

	t   testing.TB
	dir string
}

// hostileDir is where the container has the canary folder.
const hostileDir = "/canary"

// evilSource is a library that leaves a file when it is loaded, whoever does so.
//
//go:embed testdata/evil.c
var evilSource string

// NewHostile makes them. It takes a C compiler.
func NewHostile(t testing.TB) *Hostile {
	t.Helper()
	h := &Hostile{t: t, dir: t.TempDir()}
	if err := os.Chmod(h.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	h.modules()
	h.startUp()
	h.variables()
	return h
}

// Bind mounts the canary folder (RunOptions.Binds).
func (h *Hostile) Bind() string { return h.dir + ":" + hostileDir }

// Check fails the test if something of the container's was run, and forgets it.
func (h *Hostile) Check(after string) {
	h.t.Helper()
	if found := h.Found(); len(found) > 0 {
		h.t.Errorf("%s: what the container chose was run: %s", after, strings.Join(found, ", "))
	}
}

// Found returns what of the container's was run since the last time.
func (h *Hostile) Found() (names []string) {
	h.t.Helper()
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
		if err := os.Remove(filepath.Join(h.dir, e.Name())); err != nil {
			h.t.Fatal(err)
		}
	}
	return names
}

// module builds a library that leaves a file of that name.
func (h *Hostile) module(name string) []byte {
	h.t.Helper()
	dir := h.t.TempDir()
	source, out := filepath.Join(dir, "evil.c"), filepath.Join(dir, "evil.so")
	if err := os.WriteFile(source, []byte(evilSource), 0o600); err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(RequireTool(h.t, "gcc"), "-shared", "-fPIC", "-nostdlib", `-DPATH="`+path.Join(hostileDir, name)+`"`, "-o", out, source)
	if said, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("build a library: %v\n%s", err, said)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		h.t.Fatal(err)
	}
	return data
}

// libraryFolders are those that loaders look in by themselves.
var libraryFolders = []string{
	"/lib", "/lib64", "/usr/lib", "/usr/local/lib", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
	"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
}

// modules are what C libraries load by themselves.
func (h *Hostile) modules() {
	add := func(name string, files ...string) {
		data := h.module(name)
		for _, file := range files {
			h.Files = append(h.Files, Program{Path: file, Data: data, Mode: 0o755})
		}
	}
	in := func(names ...string) (files []string) {
		for _, dir := range libraryFolders {
			for _, name := range names {
				files = append(files, path.Join(dir, name))
			}
		}
		return files
	}
	add("nss", in("libnss_evil.so.2")...)
	add("library", in("libgcc_s.so.1", "libidn2.so.0", "libnss_dns.so.2", "libnss_files.so.2", "libtinfo.so.6", "libdl.so.2", "libthread_db.so.1")...)
	add("gconv", in("gconv/EVIL.so")...)
	add("openssl", in("ossl-modules/evil.so", "engines-3/evil.so")...)
	add("preload", "/preload.so")
	var nsswitch strings.Builder
	for _, database := range []string{"passwd", "group", "shadow", "hosts", "services", "protocols", "networks", "ethers", "rpc", "netgroup", "initgroups"} {
		nsswitch.WriteString(database + ": evil [NOTFOUND=continue] files\n")
	}
	h.data("/etc/nsswitch.conf", nsswitch.String())
	h.data("/etc/ld.so.preload", "/preload.so\n")
	for _, file := range in("gconv/gconv-modules") {
		h.data(file, "module EVIL// INTERNAL EVIL 1\nmodule INTERNAL EVIL// EVIL 1\nalias ISO-8859-1// EVIL//\nalias KOI8-R// EVIL//\n")
	}
	openssl := "openssl_conf = init\n[init]\nproviders = providers\nengines = engines\n[providers]\nevil = evil\n[evil]\nmodule = /preload.so\nactivate = 1\n" +
		"[engines]\nevil = engine\n[engine]\ndynamic_path = /preload.so\ninit = 1\n"
	for _, file := range []string{"/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf", "/openssl.cnf"} {
		h.data(file, openssl)
	}
}

func (h *Hostile) data(file, content string) { h.Files = append(h.Files, Data(file, content, 0o755)) }

// startUp are files that programs begin with, in every place that they look for them.
func (h *Hostile) startUp() {
	for content, names := range map[string][]string{
		"echo x >" + hostileDir + "/start-shell\n": {
			"/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/profile.d/evil.sh", ".profile", ".bashrc",
			".bash_profile", ".bash_login", ".bash_logout", ".shrc", ".ashrc", "/evil.sh",
		},
		"output = " + hostileDir + "/start-curl\n":                {".curlrc", ".config/curlrc", "/etc/curlrc"},
		"Match exec \"echo x >" + hostileDir + "/start-ssh\"\n":   {".ssh/config", "/etc/ssh/ssh_config"},
		"output_document = " + hostileDir + "/start-wget\n":       {".wgetrc", "/etc/wgetrc"},
		"shell echo x >" + hostileDir + "/start-gdb\n":            {".gdbinit", ".config/gdb/gdbinit", "/etc/gdb/gdbinit", "gdbinit"},
		"call writefile(['x'], '" + hostileDir + "/start-vim')\n": {".vimrc", ".exrc", "/etc/vim/vimrc", "/etc/vim/vimrc.tiny", "/etc/vimrc", "/usr/share/vim/vimrc"},
		"run-shell 'echo x >" + hostileDir + "/start-tmux'\n":     {".tmux.conf", "/etc/tmux.conf"},
		"\\! echo x >" + hostileDir + "/start-psql\n":             {".psqlrc", "/etc/postgresql-common/psqlrc"},
		"open('" + hostileDir + "/start-python', 'w')\n":          {"/py/sitecustomize.py", "/py/usercustomize.py", "/usr/lib/python3/dist-packages/sitecustomize.py", "/usr/lib/python3.11/sitecustomize.py", "/evil.py", "encodings/__init__.py", "json.py", "os.py", "readline.py"},
		"open(F, '>', '" + hostileDir + "/start-perl');\n1;\n":    {"/pl/strict.pm", "/usr/share/perl5/strict.pm", "/etc/perl/strict.pm", "/etc/perl/sitecustomize.pl", "/usr/share/perl/5.36/strict.pm", "strict.pm"},
		"set print pretty\n# \x1b[2J\n":                           {".lesskey", ".lesshst", ".digrc", ".netrc", ".toprc", ".inputrc", "/etc/inputrc", ".mtoolsrc"},
	} {
		for _, name := range names {
			if path.IsAbs(name) {
				h.data(name, content)
				continue
			}
			for _, home := range []string{"/", "/root", "/home/app"} {
				h.data(path.Join(home, name), content)
			}
		}
	}
	slices.SortFunc(h.Files, func(a, b Program) int { return strings.Compare(a.Path, b.Path) })
}

// variables are what steers programs.
func (h *Hostile) variables() {
	shell := "echo x >" + hostileDir + "/variable-"
	h.Env = []string{
		"HOME=/root", "GCONV_PATH=/usr/lib/x86_64-linux-gnu/gconv", "LD_PRELOAD=/preload.so", "LD_AUDIT=/preload.so",
		"LD_LIBRARY_PATH=/usr/lib",
		"GLIBC_TUNABLES=glibc.malloc.check=3", "LOCPATH=/loc", "NLSPATH=/nls/%N", "HOSTALIASES=/etc/hosts",
		"RES_OPTIONS=debug", "TZDIR=/tz",
		"TERMINFO=/ti", "TERMINFO_DIRS=/ti", "OPENSSL_CONF=/openssl.cnf", "OPENSSL_ENGINES=/usr/lib/engines-3",
		"OPENSSL_MODULES=/usr/lib/ossl-modules",
		"SSLKEYLOGFILE=" + hostileDir + "/variable-sslkeylog", "BASH_ENV=/evil.sh", "ENV=/evil.sh", "PROMPT_COMMAND=" + shell + "prompt-command",
		"PS0=$(" + shell + "ps0)", "PS1=$(" + shell + "ps1)", "PS2=$(" + shell + "ps2)", "PS4=$(" + shell + "ps4)", "SHELLOPTS=xtrace", "BASH_FUNC_ls%%=() { " + shell + "function; }",
		"CDPATH=/root", "INPUTRC=/root/.inputrc", "HISTFILE=" + hostileDir + "/variable-histfile", "LESSOPEN=|" + shell + "lessopen", "PAGER=" + shell + "pager",
		"EDITOR=" + shell + "editor", "SHELL=/evil.sh", "CURL_HOME=/root", "WGETRC=/root/.wgetrc", "VIMINIT=call writefile(['x'], '" + hostileDir + "/variable-viminit')",
		"EXINIT=!" + shell + "exinit", "PYTHONPATH=/py", "PYTHONSTARTUP=/evil.py", "PYTHONHOME=/py", "PERL5LIB=/pl", "PERL5OPT=-Mstrict", "LANG=ru_RU.KOI8-R", "LC_ALL=ru_RU.KOI8-R",
		"LANGUAGE=evil", "PSQLRC=/root/.psqlrc", "GODEBUG=x=1", "XDG_CONFIG_HOME=/root/.config", "TMUX=/root/tmux",
	}
}
