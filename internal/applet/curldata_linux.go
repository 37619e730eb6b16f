package applet

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// dataKind is how a value of -d and its relatives is read.
type dataKind int

const (
	dataLines dataKind = iota
	dataRaw
	dataBinary
	dataEncoded
	dataJSON
)

// datum is one piece of a request's body.
type datum struct {
	kind  dataKind
	value string
}

// dataFlag appends to one list, since the order of -d, --data-binary and the others counts.
type dataFlag struct {
	kind dataKind
	list *[]datum
}

func (d *dataFlag) String() string { return "" }
func (d *dataFlag) Type() string   { return "data" }
func (d *dataFlag) Set(value string) error {
	*d.list = append(*d.list, datum{d.kind, value})
	return nil
}

// read is the piece as it is sent.
func (d datum) read() (string, error) {
	switch d.kind {
	case dataRaw:
		return d.value, nil
	case dataEncoded:
		return d.encode()
	}
	name, isFile := strings.CutPrefix(d.value, "@")
	if !isFile {
		return d.value, nil
	}
	text, err := readNamed(name)
	if d.kind == dataLines {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), nil), []byte("\r"), nil)
	}
	return string(text), err
}

// encode reads the forms of --data-urlencode: CONTENT, =CONTENT, NAME=CONTENT, @FILE, NAME@FILE.
func (d datum) encode() (string, error) {
	i := strings.IndexAny(d.value, "=@")
	if i < 0 {
		return url.QueryEscape(d.value), nil
	}
	name, rest := d.value[:i], d.value[i+1:]
	if d.value[i] == '@' {
		text, err := readNamed(rest)
		if err != nil {
			return "", err
		}
		rest = string(text)
	}
	if name != "" {
		name += "="
	}
	return name + url.QueryEscape(rest), nil
}

// body is what is sent and of which type; nil is none.
func (c *curl) body() (body []byte, kind string, err error) {
	if c.forms != nil {
		return formBody(c.forms)
	}
	if c.data == nil {
		return nil, "", nil
	}
	kind = "application/x-www-form-urlencoded"
	var parts strings.Builder
	for i, d := range c.data {
		s, err := d.read()
		if err != nil {
			return nil, "", fail(26, "Failed to open %w", err)
		}
		if d.kind == dataJSON {
			kind = "application/json"
		} else if i > 0 {
			parts.WriteByte('&')
		}
		parts.WriteString(s)
	}
	return []byte(parts.String()), kind, nil
}

// formBody makes a body of multipart/form-data of -F's values.
func formBody(forms []string) ([]byte, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range forms {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return nil, "", fail(exitUsage, "form field %q is not NAME=VALUE", f)
		}
		if err := addField(w, name, value); err != nil {
			return nil, "", fail(26, "%w", err)
		}
	}
	err := w.Close()
	return b.Bytes(), w.FormDataContentType(), err
}

func addField(w *multipart.Writer, name, value string) error {
	file := strings.HasPrefix(value, "@") || strings.HasPrefix(value, "<")
	text, params := value, map[string]string{}
	if file || strings.Contains(value, ";type=") {
		var rest string
		text, rest, _ = strings.Cut(value, ";")
		for param := range strings.SplitSeq(rest, ";") {
			key, v, _ := strings.Cut(param, "=")
			params[strings.TrimSpace(key)] = strings.Trim(v, `"`)
		}
	}
	disposition := map[string]string{"name": name}
	var from io.Reader = strings.NewReader(text)
	kind := params["type"]
	if file {
		data, err := readNamed(text[1:])
		if err != nil {
			return err
		}
		from = bytes.NewReader(data)
		if text[0] == '@' {
			disposition["filename"] = filepath.Base(text[1:])
			if kind == "" {
				kind = contentType(text[1:])
			}
		}
	}
	if params["filename"] != "" {
		disposition["filename"] = params["filename"]
	}
	h := textproto.MIMEHeader{"Content-Disposition": {dispositionLine(disposition)}}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	part, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(part, from)
	return err
}

func dispositionLine(d map[string]string) string {
	quote := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")
	line := fmt.Sprintf(`form-data; name="%s"`, quote.Replace(d["name"]))
	if d["filename"] != "" {
		line += fmt.Sprintf(`; filename="%s"`, quote.Replace(d["filename"]))
	}
	return line
}

// contentType is curl's own short table; what it does not have is application/octet-stream.
func contentType(name string) string {
	switch filepath.Ext(name) {
	case ".gif", ".jpeg", ".png":
		return "image/" + filepath.Ext(name)[1:]
	case ".jpg":
		return "image/jpeg"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain"
	case ".htm", ".html":
		return "text/html"
	case ".pdf", ".xml":
		return "application/" + filepath.Ext(name)[1:]
	}
	return "application/octet-stream"
}

// openUpload opens -T's file; its length is -1 for standard input.
func openUpload(name string) (io.ReadCloser, int64, error) {
	if name == "-" || name == "." {
		return io.NopCloser(os.Stdin), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}
