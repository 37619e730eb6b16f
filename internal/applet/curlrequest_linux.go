package applet

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// newRequest is the first request.
func (t *transfer) newRequest() (*http.Request, error) {
	address := t.address
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fail(3, "URL rejected: %q is malformed", t.address)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fail(1, "Protocol \"%s\" not supported", u.Scheme)
	}
	// net/http sends the port that the scheme has anyway, and curl does not.
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	body, kind, err := t.body()
	if err != nil {
		return nil, err
	}
	method := t.method
	if t.get && body != nil {
		u.RawQuery, body, kind = strings.TrimPrefix(u.RawQuery+"&"+string(body), "&"), nil, ""
	}
	if method == "" {
		method = t.defaultMethod(body != nil)
	}
	req, err := http.NewRequest(method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fail(3, "%w", err)
	}
	if t.upload != "" {
		if err := t.attach(req); err != nil {
			return nil, err
		}
	}
	return req, t.setHeaders(req, kind)
}

func (t *transfer) defaultMethod(body bool) string {
	switch {
	case t.upload != "":
		return http.MethodPut
	case body:
		return http.MethodPost
	case t.head:
		return http.MethodHead
	}
	return http.MethodGet
}

// attach makes -T's file the body; a URL that ends with a slash gets its name.
func (t *transfer) attach(req *http.Request) error {
	body, length, err := openUpload(t.upload)
	if err != nil {
		return fail(26, "Failed to open %w", err)
	}
	req.Body, req.ContentLength, req.GetBody = body, length, nil
	if strings.HasSuffix(req.URL.Path, "/") && length >= 0 {
		req.URL.Path += path.Base(t.upload)
	}
	return nil
}

func (t *transfer) setHeaders(req *http.Request, kind string) error {
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("User-Agent", t.agent)
	set("Accept", "*/*")
	set("Content-Type", kind)
	set("Referer", strings.TrimSuffix(t.referer, ";auto"))
	if kind == "application/json" {
		set("Accept", kind)
	}
	if t.byteRange != "" {
		set("Range", "bytes="+t.byteRange)
	}
	if t.compressed {
		set("Accept-Encoding", "deflate, gzip")
	}
	if t.user != "" {
		set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(t.user)))
	} else if u := req.URL.User; u != nil {
		password, _ := u.Password()
		set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if t.bearer != "" {
		set("Authorization", "Bearer "+t.bearer)
	}
	return t.addHeaders(req)
}

func (t *transfer) addHeaders(req *http.Request) error {
	var lines []string
	for _, h := range t.headers {
		name, isFile := strings.CutPrefix(h, "@")
		if !isFile {
			lines = append(lines, h)
			continue
		}
		data, err := readNamed(name)
		if err != nil {
			return fail(26, "%w", err)
		}
		lines = append(lines, strings.Split(strings.TrimRight(string(data), "\r\n"), "\n")...)
	}
	given := map[string]bool{}
	for _, h := range lines {
		name, value, ok := strings.Cut(h, ":")
		value = strings.TrimSpace(value)
		key := http.CanonicalHeaderKey(name)
		switch {
		case !ok && strings.HasSuffix(h, ";"): // a header without a value
			req.Header.Set(strings.TrimSuffix(h, ";"), "")
		case !ok:
			return fail(exitUsage, "header %q is not NAME: VALUE", h)
		case key == "Host":
			req.Host = value
		case value == "" && key == "User-Agent":
			req.Header.Set(key, "")
		case value == "":
			req.Header.Del(key)
		case given[key]:
			req.Header.Add(key, value)
		default:
			req.Header.Set(key, value)
		}
		given[key] = true
	}
	return nil
}
