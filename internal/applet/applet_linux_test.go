package applet_test

import (
	"compress/gzip"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"dlx/internal/testutil"
)

// run runs an applet in a process of its own.
func run(t *testing.T, stdin, name string, args ...string) testutil.Result {
	t.Helper()
	cmd := exec.Command(testutil.BuildTools(t), args...)
	cmd.Args[0] = name
	cmd.Env = append(os.Environ(), "http_proxy=", "https_proxy=", "HTTP_PROXY=", "HTTPS_PROXY=")
	cmd.Stdin = strings.NewReader(stdin)
	return testutil.Collect(t, cmd)
}

func check(t *testing.T, got testutil.Result, code int, stdout string) {
	t.Helper()
	if got.Code != code || got.Stdout != stdout {
		t.Errorf("exit status %d, output %q; want %d, %q (%s)", got.Code, got.Stdout, code, stdout, got.Stderr)
	}
}

func TestCurl(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s %s\n", r.Method, r.URL, r.Host, r.Header.Get("X-Test"), body)
	})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	mux.Handle("/moved", http.RedirectHandler("/there", http.StatusFound))
	tries := 0
	mux.HandleFunc("/flaky", func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintf(w, "try %d", tries)
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, "unpacked")
		z.Close()
	})
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
		http.Redirect(w, r, "/cookies", http.StatusFound)
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("Cookie")) })
	mux.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
		if _, file, err := r.FormFile("f"); err == nil {
			fmt.Fprint(w, r.FormValue("a"), " ", file.Filename, " ", file.Header.Get("Content-Type"))
		}
	})
	plain := httptest.NewServer(mux)
	defer plain.Close()
	secure := httptest.NewTLSServer(mux)
	defer secure.Close()
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	host, tlsHost := strings.TrimPrefix(plain.URL, "http://"), strings.TrimPrefix(secure.URL, "https://")
	_, tlsPort, _ := net.SplitHostPort(tlsHost)
	dead := httptest.NewServer(nil)
	dead.Close()
	tests := map[string]struct {
		args []string
		code int
		out  string
	}{
		"get":                {[]string{"-s", plain.URL + "/x?y=1"}, 0, "GET /x?y=1 " + host + "  \n"},
		"without a scheme":   {[]string{"-s", host}, 0, "GET / " + host + "  \n"},
		"post":               {[]string{"-s", "-d", "a=b", "-d", "c", plain.URL}, 0, "POST / " + host + "  a=b&c\n"},
		"method and headers": {[]string{"-s", "-X", "PUT", "-H", "X-Test: on", "-H", "Host: example.org", plain.URL}, 0, "PUT / example.org on \n"},
		"data in the URL":    {[]string{"-s", "-G", "-d", "q=1", plain.URL}, 0, "GET /?q=1 " + host + "  \n"},
		"urlencode":          {[]string{"-s", "--data-urlencode", "q=a b", plain.URL}, 0, "POST / " + host + "  q=a+b\n"},
		"status code":        {[]string{"-s", "-o", "/dev/null", "-w", `%{http_code}\n`, plain.URL + "/gone"}, 0, "410\n"},
		"fail":               {[]string{"-sf", plain.URL + "/gone"}, 22, ""},
		"redirect":           {[]string{"-s", "-w", "%{http_code}", "-o", "/dev/null", plain.URL + "/moved"}, 0, "302"},
		"followed":           {[]string{"-sL", plain.URL + "/moved"}, 0, "GET /there " + host + "  \n"},
		"refused":            {[]string{"-s", dead.URL}, 7, ""},
		"certificate":        {[]string{"-s", secure.URL}, 60, ""},
		"insecure":           {[]string{"-sk", secure.URL}, 0, "GET / " + tlsHost + "  \n"},
		"its own roots":      {[]string{"-s", "--cacert", roots, "--resolve", "example.com:" + tlsPort + ":127.0.0.1", "https://example.com:" + tlsPort}, 0, "GET / example.com:" + tlsPort + "  \n"},
		"tls to plain":       {[]string{"-s", "https://" + host}, 35, ""},
		"unknown flag":       {[]string{"--no-such"}, 2, ""},
		"no URL":             {nil, 2, ""},
		"write-out":          {[]string{"-s", "-o", "/dev/null", "-w", `%{num_redirects}\t%{url_effective} %{redirect_url} %{http_version} %{remote_ip} %{ssl_verify_result}%{nope}%%`, plain.URL + "/moved"}, 0, "0\t" + plain.URL + "/moved " + plain.URL + "/there 1.1 127.0.0.1 0%"},
		"write-out, refused": {[]string{"-s", "-w", "%{http_code} %{exitcode}", dead.URL}, 7, "000 7"},
		"write-out, verify":  {[]string{"-sk", "-o", "/dev/null", "-w", "%{ssl_verify_result} %{http_version}", secure.URL}, 0, "18 1.1"},
		"proxy":              {[]string{"-s", "-x", plain.URL, "http://example.invalid/p"}, 0, "GET http://example.invalid/p example.invalid  \n"},
		"connect-to":         {[]string{"-s", "--connect-to", "::" + host, "http://example.invalid/p"}, 0, "GET /p example.invalid  \n"},
		"retry":              {[]string{"-s", "--retry", "2", "--retry-delay", "0.01", plain.URL + "/flaky"}, 0, "try 3"},
		"compressed":         {[]string{"-s", "--compressed", plain.URL + "/gzip"}, 0, "unpacked"},
		"cookies followed":   {[]string{"-sL", "-b", "x=y", plain.URL + "/cookie"}, 0, "session=1; x=y"},
		"form":               {[]string{"-s", "-F", "a=b;c", "-F", "f=@" + roots + ";type=text/x;filename=n", plain.URL + "/form"}, 0, "b;c n text/x"},
		"data in order":      {[]string{"-s", "-d", "a", "--data-urlencode", "b=&", "--data-raw", "@c", plain.URL}, 0, "POST / " + host + "  a&b=%26&@c\n"},
		"upload":             {[]string{"-s", "-T", roots, "-o", "/dev/null", "-w", "%{http_code} %{method}", plain.URL + "/up/"}, 0, "200 PUT"},
		"two outputs":        {[]string{"-s", "-o", "/dev/null", plain.URL, plain.URL + "/x"}, 0, "GET /x " + host + "  \n"},
		"help":               {[]string{"-4", "--no-such", "--help"}, 2, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { check(t, run(t, "", "curl", tt.args...), tt.code, tt.out) })
	}
	t.Run("headers", func(t *testing.T) {
		got := run(t, "", "curl", "-sI", plain.URL)
		if got.Code != 0 || !strings.HasPrefix(got.Stdout, "HTTP/1.1 200 OK\r\n") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("wget", func(t *testing.T) {
		check(t, run(t, "", "wget", "-qO-", plain.URL+"/x"), 0, "GET /x "+host+"  \n")
		check(t, run(t, "", "wget", "-qO-", plain.URL+"/gone"), 8, "")
		check(t, run(t, "", "wget", "-q", "-O-", secure.URL), 4, "")
	})
	t.Run("tls", func(t *testing.T) {
		got := run(t, "", "tls", "--servername", "example.com", tlsHost)
		if got.Code != 60 || !strings.Contains(got.Stdout, tls.VersionName(tls.VersionTLS13)) ||
			!strings.Contains(got.Stdout, "names: example.com, *.example.com, 127.0.0.1, ::1\n") {
			t.Errorf("%+v", got)
		}
		if got := run(t, "", "tls", "--servername", "example.com", "--cacert", roots, tlsHost); got.Code != 0 || !strings.Contains(got.Stdout, "trusted: yes") {
			t.Errorf("with its roots: %+v", got)
		}
	})
}

func TestDig(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		reply := new(dns.Msg).SetReply(m)
		if q := m.Question[0]; q.Name == "example.org." && q.Qtype == dns.TypeA {
			rr, _ := dns.NewRR("example.org. 60 IN A 192.0.2.1")
			reply.Answer = []dns.RR{rr}
		} else {
			reply.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(reply)
	})}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	defer func() {
		if err := errors.Join(server.Shutdown(), <-done); err != nil {
			t.Error(err)
		}
	}()
	_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	check(t, run(t, "", "dig", "@127.0.0.1", "-p", port, "example.org", "+short"), 0, "192.0.2.1\n")
	check(t, run(t, "", "dig", "@127.0.0.1", "-p", port, "example.org", "A", "+noall", "+answer"), 0, "example.org.\t\t60\tIN\tA\t192.0.2.1\n")
	got := run(t, "", "dig", "@127.0.0.1", "-p", port, "other.org")
	if got.Code != 0 || !strings.Contains(got.Stdout, "status: NXDOMAIN") {
		t.Errorf("%+v", got)
	}
	check(t, run(t, "", "dig", "+nonsense"), 2, "")
	check(t, run(t, "", "dig", "+qr"), 2, "")
	check(t, run(t, "", "dig", "@127.0.0.1", "-p", port, "example.org", "+short", "+noqr", "+nocookie"), 0, "192.0.2.1\n")
}

func TestTools(t *testing.T) {
	tests := []struct {
		stdin string
		args  []string
		code  int
		out   string
	}{
		{"", []string{"sh", "-c", "for i in 1 2; do echo $i; done; exit 3"}, 3, "1\n2\n"},
		{"echo from stdin; exit 4", []string{"sh"}, 4, "from stdin\n"},
		{"", []string{"sh", "-c", "echo $0 $1", "name", "arg"}, 0, "name arg\n"},
		{"", []string{"sh", "-c", "if"}, 2, ""},
		{"a\nb\n", []string{"cat"}, 0, "a\nb\n"},
		{"a\nb\nc\n", []string{"head", "-n", "2"}, 0, "a\nb\n"},
		{"a\nb\nc\n", []string{"tail", "-n", "1"}, 0, "c\n"},
		{"a\nb\nc\n", []string{"head", "-1"}, 0, "a\n"},
		{"a b\nc\n", []string{"wc"}, 0, "2 3 6\n"},
		{"ab\ncd\n", []string{"grep", "-v", "a"}, 0, "cd\n"},
		{"ab\n", []string{"grep", "x"}, 1, ""},
		{"ab\n", []string{"grep", "-P", "a(?=b)", "-o"}, 0, "a\n"},
		{"k=v w\n", []string{"grep", "-oP", `k=\K\w`}, 0, "v\n"},
		{"k=v w\n", []string{"grep", "-oP", `(?<=k=)v(?= w)`}, 0, "v\n"},
		{"ab\n", []string{"grep", "-P", "a(?!c)b"}, 2, ""},
		{"a+b\naab\n", []string{"grep", "--color=never", "a+b"}, 0, "a+b\n"},
		{"a+b\naab\n", []string{"grep", "--color=never", "-E", "a+b"}, 0, "aab\n"},
		{"ab\n*b\n", []string{"grep", "--text", "*b"}, 0, "*b\n"},
		{"aXb\n", []string{"grep", "--text", `a\(X\|Y\)b`}, 0, "aXb\n"},
		{"a\n", []string{"grep", "--text", `\(a\)\1`}, 2, ""},
		{"1\n2\n3\n4\n5\n", []string{"grep", "--context=1", "-n", "3"}, 0, "2-2\n3:3\n4-4\n"},
		{"x\n\x00", []string{"grep", "-I", "x"}, 1, ""},
		{"1K\n1M\n20\n", []string{"sort", "-h", "-r"}, 0, "1M\n1K\n20\n"},
		{"a 1\n", []string{"column", "-t"}, 0, "a  1\n"},
		{"", []string{"timeout", "0.05", "sleep", "100"}, 124, ""},
		{"", []string{"timeout", "5", "false"}, 1, ""},
		{"", []string{"timeout", "5", "/nonexistent"}, 127, ""},
		{"", []string{"ps", "-o", "nonsense"}, 1, ""},
		{"", []string{"ps", "-p", "1", "-o", "pid="}, 0, "    1\n"},
		{"", []string{"pgrep"}, 2, ""},
		{"", []string{"nc", "localhost", "x"}, 1, ""},
		{"", []string{"echo", "-n", "x", "y"}, 0, "x y"},
		{"", []string{"echo", "-ne", `a\tb`, "50%"}, 0, "a\tb 50%"},
		{"", []string{"echo", "-x", "--help"}, 0, "-x --help\n"},
		{"", []string{"false", "--help"}, 1, ""},
		{"", []string{"true", "--version"}, 0, ""},
		{"", []string{"basename", "/a/b.c", ".c"}, 0, "b\n"},
		{"a\nb\n", []string{"tail", "-n", "+2"}, 2, ""},
		{"a\nb\n", []string{"head", "-n", "-1"}, 2, ""},
		{"", []string{"env", "-i", "A=1", "env"}, 0, "A=1\n"},
		{"", []string{"date", "-u", "-d", "2026-11-24 10:00:00 UTC", "+%Y-%m-%d %H:%M"}, 0, "2026-11-24 10:00\n"},
		{"", []string{"date", "-u", "-d", "2026-11-24 10:00:00 UTC", "+%s"}, 0, "1795514400\n"},
		{"", []string{"date", "-R"}, 2, ""},
		{"2K\n1K\n", []string{"sort", "-h", "-n"}, 2, ""},
		{"1K b\n1K a\n", []string{"sort", "-hs", "-k1"}, 0, "1K b\n1K a\n"},
		{"1K b\n1K a\n", []string{"sort", "-h", "-k1"}, 0, "1K a\n1K b\n"},
		{"a\x00", []string{"grep", "-z", "-P", "a"}, 2, ""},
		{"", []string{"timeout", "-v", "0.05", "sleep", "100"}, 124, ""},
		{"", []string{"timeout", "-v", "-s", "40", "0.05", "sleep", "100"}, 124, ""},
		{"", []string{"ps", "-G", "root"}, 2, ""},
		{"", []string{"ps", "r", "-p", "1", "-o", "pid="}, 1, ""},
		{"", []string{"ip", "-d", "a"}, 2, ""},
		{"", []string{"lsof", "+M"}, 2, ""},
		{"", []string{"kill", "-NOSUCH", "1"}, 2, ""},
		{"", []string{"less", "+G"}, 2, ""},
		{"", []string{"tc", "class"}, 2, ""},
		{"", []string{"tc", "qdisc", "add", "dev", "lo", "root", "cake"}, 2, ""},
		{"", []string{"true"}, 0, ""},
		{"", []string{"false"}, 1, ""},
		{"", []string{"basename", "/a/b"}, 0, "b\n"},
		{"", []string{"sleep", "x"}, 2, ""},
		{"", []string{"dlx-tools", "no-such"}, 127, ""},
		{"", []string{"dlx-tools", "echo", "x"}, 0, "x\n"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) { check(t, run(t, tt.stdin, tt.args[0], tt.args[1:]...), tt.code, tt.out) })
	}
}

func TestSs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := run(t, "", "ss", "-Htlnp")
	if got.Code != 0 || !strings.Contains(got.Stdout, l.Addr().String()) || !strings.Contains(got.Stdout, fmt.Sprintf("pid=%d", os.Getpid())) {
		t.Errorf("ss does not show %s: %+v", l.Addr(), got)
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	local := conn.LocalAddr().String()
	for _, tt := range []struct {
		args  string
		lines int
		has   string
	}{
		{"-Htn state established dport = :" + port, 1, " " + local + " "},
		{"-Htn dst 127.0.0.1:" + port, 1, local},
		{"-Htn dst 127.0.0.0/8 and ( dport = " + port + " or dport = 1 ) and not src 10.0.0.1", 1, local},
		{"-Htln sport == :" + port, 1, "LISTEN"},
		{"-Htan sport = :" + port + " or dport = :" + port, 3, local},
		{"-Htan exclude listening sport=:" + port, 1, "ESTAB"},
		{"-Htmie dport = :" + port, 2, "skmem:(r0,"},
		{"-Htie dport = :" + port, 2, " ino:"},
		{"-HtiO dport = :" + port, 1, " mss:"},
		{"-Htn dport != :" + port + " dport = :" + port, 0, ""},
	} {
		got := run(t, "", "ss", strings.Fields(tt.args)...)
		if got.Code != 0 || strings.Count(got.Stdout, "\n") != tt.lines || !strings.Contains(got.Stdout, tt.has) {
			t.Errorf("ss %s: %+v, want %d lines with %q", tt.args, got, tt.lines, tt.has)
		}
	}
	for _, bad := range []string{"nonsense", "sport", "( sport = :1", "state none", "sport = :nosuchport", "not"} {
		check(t, run(t, "", "ss", append([]string{"-t"}, strings.Fields(bad)...)...), 2, "")
	}
}

func TestPing(t *testing.T) {
	testutil.RequireRoot(t)
	if got := run(t, "", "ping", "-q", "-c", "2", "-i", "0.05", "127.0.0.1"); got.Code != 0 || !strings.Contains(got.Stdout, "2 packets transmitted, 2 received, 0% packet loss") {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(2, run(t, "", "ping").Code); diff != "" {
		t.Error(diff)
	}
}
