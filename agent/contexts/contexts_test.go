package contexts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/agent/contexts"
	"dlx/agent/tlsid"
	"dlx/fault"
)

func open(t *testing.T) (*contexts.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dlx", "contexts")
	return contexts.At(dir), dir
}

func TestStore(t *testing.T) {
	s, dir := open(t)
	if current, err := s.Current(); current != contexts.Default || err != nil {
		t.Errorf("current: %q, %v", current, err)
	}
	node := contexts.Context{Name: "node1", Agent: "node1.test:7443", Description: "the first", Files: tlsid.Files{Cert: "/a.crt", Key: "/a.key", CA: "/ca.crt"}}
	local := contexts.Context{Name: "local", Agent: "unix:///run/dlx/agent.sock"}
	for _, c := range []*contexts.Context{&node, &local} {
		if err := s.Put(c, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(&node, false); !errors.Is(err, os.ErrExist) {
		t.Errorf("put again: %v, want fs.ErrExist", err)
	}
	node.Description = "it has another"
	if err := s.Put(&node, true); err != nil {
		t.Error(err)
	}
	list, err := s.List()
	if diff := cmp.Diff([]contexts.Context{local, node}, list); diff != "" || err != nil {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
	if err := s.Use("none-such"); !errors.Is(err, fault.NoContext) {
		t.Errorf("use: %v, want fault.NoContext", err)
	}
	if err := s.Use("node1"); err != nil {
		t.Error(err)
	}
	if err := s.Remove("node1"); !errors.Is(err, contexts.ErrCurrent) {
		t.Errorf("remove the current one: %v, want contexts.ErrCurrent", err)
	}
	if err := errors.Join(s.Use(contexts.Default), s.Use(contexts.Default), s.Remove("node1")); err != nil {
		t.Error(err)
	}
	if err := s.Remove("node1"); !errors.Is(err, fault.NoContext) {
		t.Errorf("remove: %v, want fault.NoContext", err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".current"), []byte("../../etc/passwd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if name, err := s.Current(); err == nil {
		t.Errorf("current is %q", name)
	}
}

func TestBadContexts(t *testing.T) {
	s, dir := open(t)
	good := contexts.Context{Name: "a", Agent: "ssh://node"}
	for what, change := range map[string]func(*contexts.Context){
		"no name":              func(c *contexts.Context) { c.Name = "" },
		"a path":               func(c *contexts.Context) { c.Name = "../a" },
		"a name of capitals":   func(c *contexts.Context) { c.Name = "A" },
		"a hidden name":        func(c *contexts.Context) { c.Name = ".current" },
		"a flag":               func(c *contexts.Context) { c.Name = "-a" },
		"a name of two lines":  func(c *contexts.Context) { c.Name = "a\n" },
		"too long a name":      func(c *contexts.Context) { c.Name = strings.Repeat("a", 65) },
		"the name of none":     func(c *contexts.Context) { c.Name = "none" },
		"no address":           func(c *contexts.Context) { c.Agent = "" },
		"an option of ssh":     func(c *contexts.Context) { c.Agent = "ssh://-oProxyCommand=x" },
		"two lines":            func(c *contexts.Context) { c.Description = "a\nb" },
		"too long a line":      func(c *contexts.Context) { c.Description = strings.Repeat("a", 257) },
		"a path from anywhere": func(c *contexts.Context) { c.Files.Key = "a.key" },
	} {
		c := good
		change(&c)
		if err := s.Put(&c, false); err == nil {
			t.Errorf("%s: it is kept", what)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"version":1,"agent":"ssh://node1"}`, `{"version":1,"agent":"a:1","cert":"/a","key":"/b","ca":"/c","description":"d"}`,
		`{"version":2,"agent":"ssh://node1"}`, `{"version":1,"agent":"ssh://node1","proxy":"x"}`, `{"version":1,"agent":"ssh://node1"}{}`, ``, `[]`, `null`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := contexts.Parse("a", text)
		if err != nil {
			return
		}
		s := contexts.At(filepath.Join(t.TempDir(), "c"))
		if err := s.Put(c, false); err != nil {
			t.Fatalf("%q was read and is not kept: %v", text, err)
		}
		again, err := s.Get("a")
		if diff := cmp.Diff(c, again); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
