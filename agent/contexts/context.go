package contexts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"dlx/agent/client"
	"dlx/agent/tlsid"
)

// Context is an agent by a user's name for it.
type Context struct {
	Name        string
	Description string // one line
	Agent       string // an address as client.ParseAddress takes it
	Files       tlsid.Files
}

// Bounds of a context.
const (
	maxName        = 64
	maxDescription = 256
	maxPath        = 4096 // PATH_MAX (limits.h)
	maxFile        = 32 << 10
)

// Default is the name of no context: this host's own agent for who has no privileges, or no agent.
// None is another word for it.
const (
	Default = "default"
	None    = "none"
)

const lettersAndDigits = "abcdefghijklmnopqrstuvwxyz0123456789"

// CheckName says whether a context can have a name.
func CheckName(name string) error {
	switch {
	case name == Default || name == None:
		return fmt.Errorf("%s is no context, but none", name)
	case name == "", len(name) > maxName, strings.Trim(name, lettersAndDigits+"._-") != "", strings.ContainsAny(name[:1], "._-"):
		return fmt.Errorf("%q is no name of a context: it has up to %d of a-z, 0-9, dot, _ and -, and begins with a letter or digit", name, maxName)
	}
	return nil
}

// check says what is wrong with a context.
func (c *Context) check() error {
	if err := CheckName(c.Name); err != nil {
		return err
	}
	if _, err := client.ParseAddress(c.Agent); err != nil {
		return err
	}
	if len(c.Description) > maxDescription || !utf8.ValidString(c.Description) || strings.ContainsFunc(c.Description, unicode.IsControl) {
		return fmt.Errorf("a description is one line of up to %d bytes", maxDescription)
	}
	for _, name := range []string{c.Files.Cert, c.Files.Key, c.Files.CA} {
		if name != "" && !filepath.IsAbs(name) || len(name) > maxPath || strings.ContainsRune(name, 0) {
			return fmt.Errorf("%q is no path from the root directory on", name)
		}
	}
	return nil
}

// version is the form of the files. A newer dlx may write another one.
const version = 1

// form is a context's file.
type form struct {
	Version     int    `json:"version"`
	Agent       string `json:"agent"`
	Cert        string `json:"cert,omitempty"`
	Key         string `json:"key,omitempty"`
	CA          string `json:"ca,omitempty"`
	Description string `json:"description,omitempty"`
}

// encode is what Parse reads.
func (c *Context) encode() ([]byte, error) {
	f := form{version, c.Agent, c.Files.Cert, c.Files.Key, c.Files.CA, c.Description}
	text, err := json.MarshalIndent(f, "", "  ")
	return append(text, '\n'), err
}

// Parse reads a context's file. What is not known there is an error, since it may say more of where
// a command goes.
func Parse(name string, text []byte) (*Context, error) {
	var f form
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind it")
	}
	if f.Version != version {
		return nil, fmt.Errorf("it is of version %d, and this dlx knows version %d", f.Version, version)
	}
	c := &Context{Name: name, Description: f.Description, Agent: f.Agent, Files: tlsid.Files{Cert: f.Cert, Key: f.Key, CA: f.CA}}
	return c, c.check()
}
