package applet

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// curl is one run of the applet: curl(1)'s everyday flags, and its exit statuses.
type curl struct {
	clientOptions
	method, output, user, agent, format string
	headers, data, raw, binary, encoded []string
	remoteName, include, head, verbose  bool
	silent, showError, failHTTP, get    bool
	maxTime, connectTime                float64

	started    time.Time
	remoteAddr string
}

func runCurl(args []string) error {
	c := &curl{}
	urls, err := flags("curl", args, c.define)
	if err != nil {
		return err
	}
	if len(urls) == 0 {
		return fail(exitUsage, "no URL given")
	}
	c.limit = time.Duration(c.maxTime * float64(time.Second))
	c.connectLimit = time.Duration(c.connectTime * float64(time.Second))
	client, err := newClient(c.clientOptions)
	if err != nil {
		return err
	}
	for _, u := range urls {
		if err = c.fetch(client, u); err != nil {
			break
		}
	}
	if err != nil && c.silent && !c.showError {
		return &exitError{code: status0(err)}
	}
	return err
}

func (c *curl) define(f *pflag.FlagSet) {
	f.StringVarP(&c.method, "request", "X", "", "method")
	f.StringArrayVarP(&c.headers, "header", "H", nil, "a header, NAME: VALUE")
	f.StringArrayVarP(&c.data, "data", "d", nil, "send data, or @FILE without its line ends")
	f.StringArrayVar(&c.raw, "data-raw", nil, "send data as it is")
	f.StringArrayVar(&c.binary, "data-binary", nil, "send data, or @FILE as it is")
	f.StringArrayVar(&c.encoded, "data-urlencode", nil, "send data, percent-encoded")
	f.BoolVarP(&c.get, "get", "G", false, "put the data into the URL")
	f.StringVarP(&c.output, "output", "o", "", "write to a file")
	f.BoolVarP(&c.remoteName, "remote-name", "O", false, "write to a file of the URL's name")
	f.BoolVarP(&c.include, "include", "i", false, "print the response's headers too")
	f.BoolVarP(&c.head, "head", "I", false, "ask for the headers alone")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "tell what is going on")
	f.BoolVarP(&c.silent, "silent", "s", false, "no error messages")
	f.BoolVarP(&c.showError, "show-error", "S", false, "error messages in spite of -s")
	f.BoolVarP(&c.failHTTP, "fail", "f", false, "status 22 for a response of 400 and above")
	f.BoolVarP(&c.follow, "location", "L", false, "follow redirects")
	f.StringVarP(&c.format, "write-out", "w", "", "print %{http_code} and its like afterwards")
	f.StringVarP(&c.user, "user", "u", "", "USER:PASSWORD")
	f.StringVarP(&c.agent, "user-agent", "A", "curl/8 (dlx)", "user agent")
	f.BoolVarP(&c.insecure, "insecure", "k", false, "take any certificate")
	f.StringVar(&c.caFile, "cacert", "", "trust the roots in a file instead of the bundled ones")
	f.StringVarP(&c.certFile, "cert", "E", "", "client certificate")
	f.StringVar(&c.keyFile, "key", "", "its key")
	f.StringArrayVar(&c.resolve, "resolve", nil, "HOST:PORT:ADDRESS, instead of asking DNS")
	f.StringVar(&c.unixSocket, "unix-socket", "", "connect to a unix socket")
	f.Float64VarP(&c.maxTime, "max-time", "m", 0, "seconds for all of it")
	f.Float64Var(&c.connectTime, "connect-timeout", 0, "seconds for connecting")
	f.BoolVar(&c.http1, "http1.1", false, "no HTTP/2")
	f.BoolVar(&c.http2, "http2", false, "HTTP/2 where the server has it, which is so anyway")
}

func (c *curl) fetch(client *http.Client, address string) error {
	req, err := c.request(address)
	if err != nil {
		return err
	}
	c.started = time.Now()
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { c.remoteAddr = info.Conn.RemoteAddr().String() },
	}))
	if c.verbose {
		fmt.Fprintf(os.Stderr, "> %s %s\n", req.Method, req.URL.RequestURI())
		fmt.Fprintf(os.Stderr, "> Host: %s\n", req.Host)
		printHeaders(os.Stderr, "> ", req.Header)
		fmt.Fprintln(os.Stderr, ">")
	}
	res, err := client.Do(req)
	if err != nil {
		return httpStatus(err)
	}
	defer res.Body.Close()
	if c.verbose {
		c.printConnection(res)
	}
	if c.failHTTP && res.StatusCode >= 400 {
		return fail(22, "the server answered %d", res.StatusCode)
	}
	n, err := c.save(res)
	if err != nil {
		return err
	}
	c.writeOut(res, n)
	return nil
}

func (c *curl) request(address string) (*http.Request, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	body, err := c.body()
	if err != nil {
		return nil, fail(26, "%w", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fail(3, "%w", err)
	}
	method := c.method
	switch {
	case c.get && body != nil:
		u.RawQuery, body = strings.TrimPrefix(u.RawQuery+"&"+string(body), "&"), nil
	case method == "" && body != nil:
		method = http.MethodPost
	case method == "" && c.head:
		method = http.MethodHead
	}
	req, err := http.NewRequest(method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fail(3, "%w", err)
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "*/*")
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.user != "" {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.user)))
	}
	for _, h := range c.headers {
		name, value, ok := strings.Cut(h, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok:
			return nil, fail(exitUsage, "header %q is not NAME: VALUE", h)
		case strings.EqualFold(name, "Host"):
			req.Host = value
		case value == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, value)
		}
	}
	return req, nil
}

// body joins what -d and its like say with "&", as curl does; nil is none.
func (c *curl) body() ([]byte, error) {
	var parts []string
	read := func(value string, lines bool) (string, error) {
		name, isFile := strings.CutPrefix(value, "@")
		if !isFile {
			return value, nil
		}
		var data []byte
		var err error
		if name == "-" {
			data, err = io.ReadAll(os.Stdin)
		} else {
			data, err = os.ReadFile(name)
		}
		if !lines {
			data = bytes.NewBuffer(bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\n"), nil), []byte("\r"), nil)).Bytes()
		}
		return string(data), err
	}
	for _, set := range []struct {
		values []string
		lines  bool
	}{{c.data, false}, {c.binary, true}} {
		for _, v := range set.values {
			s, err := read(v, set.lines)
			if err != nil {
				return nil, err
			}
			parts = append(parts, s)
		}
	}
	parts = append(parts, c.raw...)
	for _, v := range c.encoded {
		name, value, ok := strings.Cut(v, "=")
		if ok && name != "" {
			parts = append(parts, name+"="+url.QueryEscape(value))
		} else {
			parts = append(parts, url.QueryEscape(strings.TrimPrefix(v, "=")))
		}
	}
	if parts == nil {
		return nil, nil
	}
	return []byte(strings.Join(parts, "&")), nil
}

// save writes the response where it is wanted and returns the number of the body's bytes.
func (c *curl) save(res *http.Response) (int64, error) {
	out := os.Stdout
	name := c.output
	if c.remoteName {
		name = path.Base(res.Request.URL.Path)
	}
	if name != "" && name != "-" {
		f, err := os.Create(name)
		if err != nil {
			return 0, fail(23, "%w", err)
		}
		defer f.Close()
		out = f
	}
	if c.include || c.head {
		fmt.Fprintf(out, "%s %s\r\n", res.Proto, res.Status)
		for _, line := range headerLines(res.Header) {
			fmt.Fprintf(out, "%s\r\n", line)
		}
		fmt.Fprint(out, "\r\n")
	}
	n, err := io.Copy(out, res.Body)
	if err != nil {
		return n, httpStatus(err)
	}
	return n, nil
}

func (c *curl) printConnection(res *http.Response) {
	fmt.Fprintf(os.Stderr, "* connected to %s\n", c.remoteAddr)
	if t := res.TLS; t != nil {
		printTLS(os.Stderr, "* ", t)
	}
	fmt.Fprintf(os.Stderr, "< %s %s\n", res.Proto, printable.Escape(res.Status))
	printHeaders(os.Stderr, "< ", res.Header)
	fmt.Fprintln(os.Stderr, "<")
}

func headerLines(h http.Header) []string {
	var lines []string
	for name, values := range h {
		for _, v := range values {
			lines = append(lines, name+": "+v)
		}
	}
	sort.Strings(lines)
	return lines
}

func printHeaders(w io.Writer, mark string, h http.Header) {
	for _, line := range headerLines(h) {
		fmt.Fprintln(w, mark+printable.Escape(line))
	}
}

// writeOut prints -w's format with the variables that it knows.
func (c *curl) writeOut(res *http.Response, n int64) {
	if c.format == "" {
		return
	}
	seconds := fmt.Sprintf("%.6f", time.Since(c.started).Seconds())
	fmt.Print(strings.NewReplacer(
		"%{http_code}", fmt.Sprint(res.StatusCode), "%{response_code}", fmt.Sprint(res.StatusCode),
		"%{size_download}", fmt.Sprint(n), "%{time_total}", seconds, "%{content_type}", res.Header.Get("Content-Type"),
		"%{url_effective}", res.Request.URL.String(), "%{remote_ip}", hostOf(c.remoteAddr),
		"%{http_version}", fmt.Sprintf("%d.%d", res.ProtoMajor, res.ProtoMinor),
		"%{redirect_url}", res.Header.Get("Location"), "%%", "%", `\n`, "\n", `\t`, "\t", `\r`, "\r",
	).Replace(c.format))
}
