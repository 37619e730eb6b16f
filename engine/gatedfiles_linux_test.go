package engine_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/target"
	"dlx/toolbox"
)

// smallBox is a toolbox of one file.
func smallBox() (*toolbox.Verified, error) {
	b := &toolbox.Builder{Name: "small", Version: "1.0", Arch: runtime.GOARCH, Created: time.Unix(0, 0)}
	b.Add("share/note", []byte("hello"), 0o644, toolbox.Source{Package: "note", Version: "1.0", Origin: "a test", License: "Apache-2.0"})
	bundle, err := b.Bundle()
	if err != nil {
		return nil, err
	}
	return toolbox.VerifyDigest(bundle, bundle.Digest(), toolbox.BuiltIn)
}

// below lists the files below folders with their contents, "" for folders and what is not there.
func below(dirs ...string) (files map[string]string, err error) {
	files = map[string]string{}
	for _, dir := range dirs {
		werr := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			files[name] = ""
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			files[name] = string(data)
			return err
		})
		if !errors.Is(werr, fs.ErrNotExist) {
			err = errors.Join(err, werr)
		}
	}
	return files, err
}

// TestGateFiles: a gate that refuses has nothing placed in a container that does not run, nothing
// taken out again, and nothing noted.
func TestGateFiles(t *testing.T) {
	if !alone(t) {
		return
	}
	f, g := newFake(t, "docker"), &recordingGate{}
	web := f.add("web")
	web.State, web.Layers = target.Exited, target.Layers{Upper: "/upper"}
	e := localOf(t, engine.LocalOptions{State: "/state", Gate: g, Bundled: smallBox}, f)
	inject := func() error {
		_, err := e.Inject(t.Context(), engine.InjectRequest{Target: "web"})
		return err
	}
	eject := func(all bool) func() error {
		return func() error {
			req := engine.EjectRequest{Target: "web", All: all}
			if all {
				req.Target = ""
			}
			_, err := e.Eject(t.Context(), req)
			return err
		}
	}
	refused := func(verb engine.Verb, do func() error) error {
		g.refuse("web")
		before, err := below("/state", "/upper")
		if err != nil {
			return err
		}
		asked, told := len(g.asked), len(g.told)
		if err := do(); !errors.Is(err, errNotToday) || !errors.Is(err, fault.Refused) || fault.Of(err).Op != string(verb) {
			t.Errorf("%s: %v, want the gate's error as a fault.Refused", verb, err)
		}
		after, err := below("/state", "/upper")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s was refused, and has changed (-before +after):\n%s", verb, diff)
		}
		if len(g.asked) != asked+1 || len(g.told) != told {
			t.Fatalf("%s: the gate was asked %+v, told %+v", verb, g.asked[asked:], g.told[told:])
		}
		op := g.asked[asked]
		if op.Verb != verb || op.Target.ID != web.ID || op.Process != nil || len(op.Toolboxes) != 1 || op.Toolboxes[0].Name != "small" {
			t.Errorf("%s: the gate was asked %+v", verb, op)
		}
		g.refuse()
		return err
	}
	const note = "/upper/.dlx/share/note"
	err := ownRoot(t, func() error {
		if err := os.Mkdir("/upper", 0o755); err != nil {
			return err
		}
		req := engine.InjectRequest{Target: "web", Toolboxes: []engine.ToolboxRef{engine.ToolboxName("none")}}
		if _, err := e.Inject(t.Context(), req); !errors.Is(err, fault.NoToolbox) || len(g.asked) > 0 {
			t.Errorf("a toolbox that is not there: %v; the gate was asked %+v", err, g.asked)
		}
		if err := errors.Join(refused(engine.VerbInject, inject), inject()); err != nil {
			return err
		}
		if data, err := os.ReadFile(note); string(data) != "hello" || err != nil {
			t.Errorf("injected %q, %v", data, err)
		}
		if err := errors.Join(refused(engine.VerbEject, eject(false)), refused(engine.VerbEject, eject(true)), eject(false)()); err != nil {
			return err
		}
		if left, err := below("/upper"); len(left) != 1 || err != nil {
			return fmt.Errorf("left %v: %w", left, err)
		}
		if err := eject(false)(); !errors.Is(err, fault.NotInjected) {
			t.Errorf("eject of nothing: %v", err)
		}
		return inject()
	})
	if err != nil {
		t.Error(err)
	}
}

// TestEjectGone: the record of a container that was removed, with its toolbox, is cleared; the gate
// is asked about that as well.
func TestEjectGone(t *testing.T) {
	if !alone(t) {
		return
	}
	f, g := newFake(t, "docker"), &recordingGate{}
	web := f.add("web")
	web.State, web.Layers = target.Exited, target.Layers{Upper: "/upper"}
	e := localOf(t, engine.LocalOptions{State: "/state", Gate: g, Bundled: smallBox}, f)
	err := ownRoot(t, func() error {
		if err := os.Mkdir("/upper", 0o755); err != nil {
			return err
		}
		if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: "web"}); err != nil {
			return err
		}
		f.there = nil
		if _, err := e.Eject(t.Context(), engine.EjectRequest{Target: "web"}); !errors.Is(err, fault.Removed) {
			t.Errorf("by its name: %v, want fault.Removed", err)
		}
		g.refuse("web")
		if list, err := e.Eject(t.Context(), engine.EjectRequest{All: true}); len(list) != 0 || !errors.Is(err, fault.Refused) {
			t.Errorf("refused: %+v, %v", list, err)
		}
		g.refuse()
		want := []engine.EjectResult{{Target: "web", ID: web.ID, Gone: true}}
		list, err := e.Eject(t.Context(), engine.EjectRequest{All: true})
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("%v, results (-want +got):\n%s", err, diff)
		}
		again, aerr := e.Eject(t.Context(), engine.EjectRequest{All: true})
		if len(again) != 0 {
			t.Errorf("once more: %+v", again)
		}
		return errors.Join(err, aerr)
	})
	if err != nil {
		t.Error(err)
	}
}
