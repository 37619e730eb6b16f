package applet

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// writeOut prints the format of -w: %{VARIABLE},
// %header{NAME}, %% and escapes (--write-out in curl(1)).
func (t *transfer) writeOut(err error) {
	var out io.Writer = os.Stdout
	values := t.variables(err)
	for s := t.format; s != ""; {
		i := strings.IndexAny(s, `%\`)
		if i < 0 || i == len(s)-1 {
			fmt.Fprint(out, s)
			break
		}
		fmt.Fprint(out, s[:i])
		s = s[i:]
		if text, rest, ok := escaped(s); ok {
			fmt.Fprint(out, text)
			s = rest
			continue
		}
		header := strings.HasPrefix(s, "%header{")
		name, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(s, "%header"), "%"), "}")
		if name, braced := strings.CutPrefix(name, "{"); !ok || !braced {
			fmt.Fprint(out, s[:1])
			s = s[1:]
		} else {
			s = rest
			if !t.directive(&out, name, err != nil) {
				break
			}
			t.variable(out, name, header, values)
		}
	}
}

// escaped reads \n, \r, \t and %%. Before another character a backslash stands for itself.
func escaped(s string) (text, rest string, ok bool) {
	switch s[:2] {
	case `\n`:
		return "\n", s[2:], true
	case `\r`:
		return "\r", s[2:], true
	case `\t`:
		return "\t", s[2:], true
	case "%%":
		return "%", s[2:], true
	}
	return s[:1], s[1:], s[0] == '\\'
}

// directive switches the output; it is false where %{onerror} ends a format without an error.
func (t *transfer) directive(out *io.Writer, name string, failed bool) bool {
	switch name {
	case "stderr":
		*out = os.Stderr
	case "stdout":
		*out = os.Stdout
	case "onerror":
		return failed
	}
	return true
}

func (t *transfer) variable(out io.Writer, name string, header bool, values map[string]any) {
	value, known := values[name]
	switch {
	case header && t.response != nil:
		fmt.Fprint(out, strings.Join(t.response.Header.Values(name), ", "))
	case header, name == "stderr", name == "stdout", name == "onerror":
	case name == "json":
		text, _ := json.Marshal(values)
		fmt.Fprintf(out, "%s", text)
	case name == "header_json":
		h := map[string][]string{}
		if t.response != nil {
			for k, v := range t.response.Header {
				h[strings.ToLower(k)] = v
			}
		}
		text, _ := json.Marshal(h)
		fmt.Fprintf(out, "%s\n", text)
	case !known:
		fmt.Fprintf(os.Stderr, "curl: unknown --write-out variable: '%s'\n", name)
	default:
		t.value(out, name, value)
	}
}

func (t *transfer) value(out io.Writer, name string, value any) {
	switch v := value.(type) {
	case nil:
	case float64:
		fmt.Fprintf(out, "%.6f", v)
	case int:
		if name == "http_code" || name == "response_code" || name == "http_connect" {
			fmt.Fprintf(out, "%03d", v)
			return
		}
		fmt.Fprint(out, v)
	default:
		fmt.Fprint(out, v)
	}
}

// variables are curl's; one without a value is nil.
func (t *transfer) variables(err error) map[string]any {
	m := &t.times
	lookup, connect := m.lookup, m.connect
	remoteHost, remotePort := splitAddress(m.remote)
	localHost, localPort := splitAddress(m.local)
	v := map[string]any{
		"time_namelookup": lookup.Seconds(), "time_connect": connect.Seconds(), "time_appconnect": m.tls.Seconds(),
		"time_pretransfer": m.ready.Seconds(), "time_starttransfer": m.first.Seconds(), "time_total": m.total.Seconds(),
		"time_redirect": m.moved.Seconds(), "size_download": t.size, "speed_download": int64(float64(t.size) / max(m.total, time.Microsecond).Seconds()),
		"size_upload": int64(0), "speed_upload": int64(0), "size_request": int64(0), "size_header": int64(0),
		"remote_ip": remoteHost, "remote_port": remotePort, "local_ip": localHost, "local_port": localPort,
		"num_connects": m.connects, "num_redirects": t.redirects, "num_headers": 0, "ssl_verify_result": t.verified,
		"http_code": 0, "response_code": 0, "http_connect": 0, "http_version": "0", "content_type": nil, "redirect_url": nil,
		"exitcode": 0, "errormsg": nil, "method": nil, "scheme": nil, "url": t.address, "url_effective": t.address,
		"filename_effective": nil, "proxy_ssl_verify_result": 0, "urlnum": 0,
	}
	if t.output != "" {
		v["filename_effective"] = t.output
	}
	if err != nil {
		v["exitcode"], v["errormsg"] = status0(err), err.Error()
	}
	if r := t.request; r != nil {
		v["method"], v["scheme"], v["url_effective"] = r.Method, r.URL.Scheme, effective(r)
		v["size_upload"] = max(r.ContentLength, 0)
		v["speed_upload"] = int64(float64(max(r.ContentLength, 0)) / max(m.total, time.Microsecond).Seconds())
	}
	if t.response != nil {
		t.responseVariables(v)
	}
	return v
}

func (t *transfer) responseVariables(v map[string]any) {
	res := t.response
	v["http_code"], v["response_code"] = res.StatusCode, res.StatusCode
	v["http_version"] = fmt.Sprint(res.ProtoMajor)
	if res.ProtoMajor == 1 && res.ProtoMinor > 0 {
		v["http_version"] = fmt.Sprintf("1.%d", res.ProtoMinor)
	}
	lines := head(res)
	v["num_headers"], v["size_header"] = len(lines)-1, int64(len(strings.Join(lines, "\r\n"))+4)
	if kind := res.Header.Get("Content-Type"); kind != "" {
		v["content_type"] = kind
	}
	if to := res.Header.Get("Location"); to != "" && res.StatusCode/100 == 3 {
		if u, err := t.request.URL.Parse(to); err == nil {
			v["redirect_url"] = u.String()
		}
	}
}

// effective is the URL as curl writes it: with a slash if there is no path.
func effective(r *http.Request) string {
	u := *r.URL
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

func splitAddress(addr string) (host string, port int) {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if addr == "" || err != nil {
		return "", 0
	}
	return a.IP.String(), a.Port
}
