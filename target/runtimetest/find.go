//go:build linux

package runtimetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/target"
)

// line is what a list says of a container.
type line struct {
	Name  string
	State target.State
	PID   int
}

// list checks who is listed by which filter, and with what.
func (s *Suite) list(t *testing.T) {
	r := s.open(t, s.Socket)
	mark := map[string]string{"dlx.test": "list"}
	running := s.Run(t, Options{Labels: map[string]string{"dlx.test": "list", "app": "web"}})
	paused := s.Run(t, Options{Labels: mark})
	state := target.Running
	if !s.NoPause {
		state = target.Paused
		paused.Pause()
		defer paused.Unpause()
	}
	created := s.Run(t, Options{Labels: mark, NoStart: true})
	other := s.Run(t, Options{})
	lines := map[string]line{
		running.ID(): {Name: running.Name(), State: target.Running, PID: running.PID()},
		paused.ID():  {Name: paused.Name(), State: state, PID: paused.PID()},
		created.ID(): {Name: created.Name(), State: target.Created},
		other.ID():   {Name: other.Name(), State: target.Running, PID: other.PID()},
	}
	for _, tt := range []struct {
		name   string
		filter target.Filter
		want   []Container
	}{
		{"what runs", target.Filter{PIDs: true}, []Container{running, paused, other}},
		{"all", target.Filter{All: true, PIDs: true}, []Container{running, paused, created, other}},
		{"with a label", target.Filter{Labels: []string{"dlx.test=list"}, PIDs: true}, []Container{running, paused}},
		{"with labels", target.Filter{Labels: []string{"dlx.test", "app=web"}, PIDs: true}, []Container{running}},
		{"with another value", target.Filter{Labels: []string{"dlx.test=x"}}, nil},
		{"by ID", target.Filter{ID: other.ID(), PIDs: true}, []Container{other}},
	} {
		list, err := r.List(Bounded(t), tt.filter)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want := map[string]line{}
		for _, c := range tt.want {
			want[c.ID()] = lines[c.ID()]
		}
		got := map[string]line{}
		for _, c := range list {
			if _, mine := lines[c.ID]; !mine {
				continue
			}
			got[c.ID] = line{Name: c.Name, State: c.State, PID: c.PID}
			if c.Runtime != r.Scheme() {
				t.Errorf("%s is of %q, want %q", c.Name, c.Runtime, r.Scheme())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if !slices.IsSortedFunc(list, func(a, b target.Info) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("%s is not in the order of names", tt.name)
		}
	}
}

// find checks what a name, an ID and their beginnings lead to.
func (s *Suite) find(t *testing.T) {
	r := s.open(t, s.Socket)
	one := s.Run(t, Options{Env: []string{"A=1"}})
	two := s.Run(t, Options{Name: one.Name() + "-2", NoStart: true})
	for _, tt := range []struct {
		name string
		want []Container
	}{
		{one.Name(), []Container{one}}, // and not what only begins with it
		{one.ID(), []Container{one}},
		{two.Name(), []Container{two}},
		{one.Name()[:len(one.Name())-1], []Container{one, two}},
		{one.Name() + "-", []Container{two}},
		{two.ID()[:20], []Container{two}},
		{"dlx-test-no-such", nil},
		{"..", nil},
		{"-", nil},
		{".", nil},
		{one.Name() + "_", nil},
	} {
		hits, err := r.Find(Bounded(t), tt.name)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var want, got []string
		for _, c := range tt.want {
			want = append(want, c.ID())
		}
		for _, c := range hits {
			got = append(got, c.ID)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if len(hits) != 1 {
			continue
		}
		whole, err := r.Inspect(Bounded(t), hits[0].ID)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(*whole, hits[0]); diff != "" {
			t.Errorf("%s: a single hit is not as inspect has it (-inspect +find):\n%s", tt.name, diff)
		}
	}
	one.Rename(one.Name() + "x")
	if hits, err := r.Find(Bounded(t), one.Name()); err != nil || len(hits) != 1 || hits[0].ID != one.ID() {
		t.Errorf("by its new name: %v, %v", hits, err)
	}
}

// inspect follows a container through its life.
func (s *Suite) inspect(t *testing.T) {
	r := s.open(t, s.Socket)
	c := s.Run(t, Options{NoStart: true, Env: []string{"DLX_TEST=inspect"}, Labels: map[string]string{"dlx.test": "inspect"}})
	look := func(when string, state target.State) *target.Info {
		t.Helper()
		info, err := r.Inspect(Bounded(t), c.ID())
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if info.State != state || info.PID != c.PID() || info.Name != c.Name() || info.ID != c.ID() {
			t.Errorf("%s: %+v, want it %s with process %d", when, info, state, c.PID())
		}
		return info
	}
	if info := look("created", target.Created); info.Labels["dlx.test"] != "inspect" || !slices.Contains(info.Env, "DLX_TEST=inspect") || info.Image == "" {
		t.Errorf("%+v lacks its label, variable or image", info)
	}
	c.Start()
	first := look("started", target.Running)
	if first.Started.IsZero() {
		t.Error("no time of its start")
	}
	if !s.NoPause {
		c.Pause()
		look("paused", target.Paused)
		c.Unpause()
	}
	c.Restart()
	if again := look("restarted", target.Running); !again.Started.After(first.Started) {
		t.Errorf("it was started at %v, and again at %v", first.Started, again.Started)
	}
	c.Stop()
	look("stopped", target.Exited)
	c.Remove()
	if _, err := r.Inspect(Bounded(t), c.ID()); !errors.Is(err, fault.NotFound) {
		t.Errorf("removed: %v, want fault.NotFound", err)
	}
}
