package applet

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// cookie is a line of a cookie file in Netscape's format, which curl reads and writes.
type cookie struct {
	domain, path, name, value string
	tail, secure, httpOnly    bool // tail: the hosts below the domain too
	expires                   int64
}

// cookieStore holds cookies; a nil one holds none and takes none.
type cookieStore struct {
	plain   []string // of -b NAME=VALUE: sent as they are, to every host
	cookies []cookie
}

// newCookieStore reads what -b says: NAME=VALUE, or a file of cookies.
func newCookieStore(values []string, keep bool) (*cookieStore, error) {
	if values == nil && !keep {
		return nil, nil
	}
	s := &cookieStore{}
	for _, v := range values {
		if strings.Contains(v, "=") {
			s.plain = append(s.plain, v)
			continue
		}
		data, err := os.ReadFile(v)
		if v == "" || os.IsNotExist(err) {
			continue // curl too: a file that is not there only turns cookies on
		}
		if err != nil {
			return nil, fail(26, "%w", err)
		}
		for line := range bytes.Lines(data) {
			s.read(strings.TrimRight(string(line), "\r\n"))
		}
	}
	return s, nil
}

const httpOnlyMark = "#HttpOnly_"

func (s *cookieStore) read(line string) {
	line, httpOnly := strings.CutPrefix(line, httpOnlyMark)
	f := strings.Split(line, "\t")
	if strings.HasPrefix(line, "#") || len(f) != 7 {
		return
	}
	expires, err := strconv.ParseInt(f[4], 10, 64)
	if err != nil {
		return
	}
	s.put(cookie{strings.TrimPrefix(f[0], "."), f[2], f[5], f[6], f[1] == "TRUE", f[3] == "TRUE", httpOnly, expires})
}

// put replaces a cookie of the same name, and removes it if it has expired.
func (s *cookieStore) put(c cookie) {
	kept := s.cookies[:0]
	for _, old := range s.cookies {
		if old.name != c.name || old.domain != c.domain || old.path != c.path {
			kept = append(kept, old)
		}
	}
	s.cookies = kept
	if c.expires == 0 || c.expires > time.Now().Unix() {
		s.cookies = append(s.cookies, c)
	}
}

// header is the value of Cookie for a request, or nothing.
func (s *cookieStore) header(u *url.URL, sameHost bool) string {
	if s == nil {
		return ""
	}
	var parts []string
	for _, c := range s.cookies {
		if c.fits(u) {
			parts = append(parts, c.name+"="+c.value)
		}
	}
	if sameHost {
		parts = append(parts, s.plain...)
	}
	return strings.Join(parts, "; ")
}

func (c *cookie) fits(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	name := host == c.domain || c.tail && strings.HasSuffix(host, "."+c.domain)
	at := u.Path
	if at == "" {
		at = "/"
	}
	below := at == c.path || strings.HasPrefix(at, strings.TrimSuffix(c.path, "/")+"/")
	return name && below && (!c.secure || u.Scheme == "https")
}

// take takes a response's cookies, unless they are for
// a domain that the host is not in (RFC 6265, 5.3).
func (s *cookieStore) take(res *http.Response) {
	if s == nil {
		return
	}
	u := res.Request.URL
	host := strings.ToLower(u.Hostname())
	for _, c := range res.Cookies() {
		n := cookie{host, c.Path, c.Name, c.Value, false, c.Secure, c.HttpOnly, 0}
		if domain := strings.ToLower(strings.TrimPrefix(c.Domain, ".")); domain != "" {
			if below := strings.HasSuffix(host, "."+domain) && strings.Contains(domain, "."); host != domain && !below {
				continue
			}
			n.domain, n.tail = domain, true
		}
		if !strings.HasPrefix(n.path, "/") {
			n.path = path.Dir("/" + strings.TrimPrefix(u.Path, "/"))
		}
		switch {
		case c.MaxAge < 0:
			n.expires = 1
		case c.MaxAge > 0:
			n.expires = time.Now().Unix() + int64(c.MaxAge)
		case !c.Expires.IsZero():
			n.expires = max(c.Expires.Unix(), 1)
		}
		s.put(n)
	}
}

// save writes the cookies to a file, if there is to be one.
func (s *cookieStore) save(name string) error {
	if s == nil || name == "" {
		return nil
	}
	var b strings.Builder
	b.WriteString("# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n")
	upper := func(v bool) string { return strings.ToUpper(strconv.FormatBool(v)) }
	for _, c := range s.cookies {
		domain := c.domain
		if c.tail {
			domain = "." + domain
		}
		if c.httpOnly {
			domain = httpOnlyMark + domain
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", domain, upper(c.tail), c.path, upper(c.secure), c.expires, c.name, c.value)
	}
	if name == "-" {
		_, err := fmt.Print(b.String())
		return err
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		return fail(23, "%w", err)
	}
	return nil
}
