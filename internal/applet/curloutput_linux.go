package applet

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"sort"
	"strings"

	"dlx/internal/printable"
)

// save writes the response where it is wanted.
func (t *transfer) save() (err error) {
	res := t.response
	defer res.Body.Close()
	if t.failHTTP && res.StatusCode >= 400 {
		return fail(22, "The requested URL returned error: %d", res.StatusCode)
	}
	out, err := t.create()
	if err != nil {
		return fail(23, "%w", err)
	}
	if out != os.Stdout {
		defer func() {
			if cerr := out.Close(); err == nil && cerr != nil {
				err = fail(23, "%w", cerr)
			}
		}()
	}
	if t.include || t.head {
		if err := t.printHead(out); err != nil {
			return err
		}
	}
	body, err := t.content()
	if err != nil {
		return fail(61, "unpack the response: %w", err)
	}
	if t.size, err = io.Copy(out, body); err != nil {
		return copyError(err)
	}
	if t.failBody && res.StatusCode >= 400 {
		return fail(22, "The requested URL returned error: %d", res.StatusCode)
	}
	return nil
}

// copyError tells an output that takes no more from a connection that broke.
func copyError(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok && path.Op == "write" {
		return fail(23, "Failure writing output to destination: %w", path)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(18, "transfer closed with data remaining to read")
	}
	return httpStatus(err)
}

func (t *transfer) create() (*os.File, error) {
	name := t.output
	if name == "" && t.remoteName {
		if name = path.Base(t.first.Path); name == "/" || name == "." {
			return nil, errors.New("Remote file name has no length") //nolint:staticcheck // curl's words
		}
	}
	if name == "" || name == "-" {
		return os.Stdout, nil
	}
	return os.Create(name)
}

// head lists a response's status line and headers as they are on the wire, but for their order.
func head(res *http.Response) []string {
	h := res.Header.Clone()
	if len(res.TransferEncoding) > 0 {
		h["Transfer-Encoding"] = res.TransferEncoding
	}
	if res.ProtoMajor < 2 {
		return append([]string{res.Proto + " " + res.Status}, headerLines(h)...)
	}
	lines := []string{fmt.Sprintf("HTTP/%d %d ", res.ProtoMajor, res.StatusCode)}
	for _, line := range headerLines(h) {
		name, value, _ := strings.Cut(line, ":")
		lines = append(lines, strings.ToLower(name)+":"+value)
	}
	return lines
}

func (t *transfer) printHead(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s\r\n\r\n", strings.Join(head(t.response), "\r\n"))
	return err
}

// dumpHead appends the headers to -D's file, which each run begins anew.
func (t *transfer) dumpHead() error {
	if t.dumpHeader == "" {
		return nil
	}
	if t.dumpHeader == "-" {
		return t.printHead(os.Stdout)
	}
	mode := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if t.redirects == 0 {
		mode |= os.O_TRUNC
	}
	f, err := os.OpenFile(t.dumpHeader, mode, 0o644)
	if err != nil {
		return fail(23, "%w", err)
	}
	return errors.Join(t.printHead(f), f.Close())
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

// printHeaders prints headers for a person: safe for a terminal.
func printHeaders(w io.Writer, mark string, h http.Header) {
	for _, line := range headerLines(h) {
		fmt.Fprintln(w, mark+printable.Escape(line))
	}
}

// printRequest is -v's account of what is sent.
func (t *transfer) printRequest() {
	proto := "HTTP/1.1"
	if t.priorHTTP2 || t.times.http2 {
		proto = "HTTP/2"
	}
	fmt.Fprintf(os.Stderr, "> %s %s %s\n> Host: %s\n", t.request.Method, t.request.URL.RequestURI(), proto, t.request.Host)
	h := t.request.Header.Clone()
	if n := t.request.ContentLength; n > 0 {
		h.Set("Content-Length", fmt.Sprint(n))
	}
	if h.Get("User-Agent") == "" {
		h.Del("User-Agent")
	}
	printHeaders(os.Stderr, "> ", h)
	fmt.Fprintln(os.Stderr, "> ")
}

// printResponse is -v's account of what came back.
func (t *transfer) printResponse() {
	for _, line := range head(t.response) {
		fmt.Fprintln(os.Stderr, "< "+printable.Escape(line))
	}
	fmt.Fprintln(os.Stderr, "< ")
}
