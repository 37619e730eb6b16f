package testutil

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// PodmanService is a Podman that answers at a socket.
type PodmanService struct {
	*Podman
	Socket string
	client *http.Client
	now    *service
}

// Serve starts the service of one, which stops when the test ends.
func (p *Podman) Serve() *PodmanService {
	p.t.Helper()
	s := &PodmanService{Podman: p, Socket: p.runtimeDir() + "/podman/podman.sock"}
	s.client = &http.Client{Timeout: podmanLimit, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.Socket)
		},
	}}
	p.t.Cleanup(func() { s.now.stop(p.t) })
	s.Start()
	return s
}

// Start starts it again after Stop.
func (s *PodmanService) Start() {
	s.t.Helper()
	s.now = launch(s.t, s.dir, s.Command("system", "service", "-t", "0", "unix://"+s.Socket))
	Wait(s.t, "Podman to answer", podmanLimit, func() bool {
		select {
		case <-s.now.ended:
			text, _ := os.ReadFile(s.now.log)
			s.t.Fatalf("podman ended at once:\n%s", text)
		default:
		}
		res, err := s.client.Get("http://podman/_ping")
		return err == nil && errors.Join(res.Body.Close()) == nil
	})
}

// Stop stops it. The containers run on.
func (s *PodmanService) Stop() {
	s.t.Helper()
	s.now.stop(s.t)
}

// try sends a request to libpod's API and reads its answer into out, unless that is nil.
func (s *PodmanService) try(method, path string, body io.Reader, out any) error {
	req, err := http.NewRequest(method, "http://podman/v4.0.0/libpod"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	case out == nil:
		return nil
	}
	return json.Unmarshal(text, out)
}

func (s *PodmanService) call(t testing.TB, method, path string, body io.Reader, out any) {
	t.Helper()
	if err := s.try(method, path, body, out); err != nil {
		t.Fatal(err)
	}
}

// Image makes an image of programs, as Docker.Image does. It goes with the Podman.
func (s *PodmanService) Image(name string, programs ...Program) string {
	s.t.Helper()
	ref := unique("localhost/dlx-test/" + name + ":")
	query := url.Values{"reference": {ref}, "changes": {fmt.Sprintf("CMD [%q]", programs[0].Path)}}
	s.call(s.t, http.MethodPost, "/images/import?"+query.Encode(), bytes.NewReader(pack(s.t, programs)), nil)
	return ref
}

// Pod makes a pod, whose own container is of an image. It is removed when the test ends.
func (s *PodmanService) Pod(t testing.TB, image string, labels map[string]string) (name string) {
	t.Helper()
	name = unique("dlx-test-pod-")
	args := []string{"pod", "create", "--name", name, "--infra-image", image, "--infra-name", name + "-infra", "--network", "none", "--share", "ipc,net"}
	if parent := s.cgroupParent(); parent != "" {
		args = append(args, "--cgroup-parent", parent)
	}
	for key, value := range labels {
		args = append(args, "--label", key+"="+value)
	}
	if text, err := s.Command(args...).CombinedOutput(); err != nil { // by the API the pod's own container has no limits of ours
		t.Fatalf("make pod %s: %v: %s", name, err, text)
	}
	t.Cleanup(func() {
		if err := s.try(http.MethodDelete, "/pods/"+name+"?force=true&timeout=0", nil, nil); err != nil {
			t.Errorf("remove pod %s: %v", name, err)
		}
	})
	return name
}

// cgroupParent is none for a user, who may not make any.
func (s *PodmanService) cgroupParent() string {
	if s.uid != 0 {
		return ""
	}
	return s.parent
}

func encode(t testing.TB, v any) io.Reader {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(data)
}

// PodmanContainer is a container that a test made in Podman. It is removed when the test ends.
type PodmanContainer struct {
	t       testing.TB
	service *PodmanService
	id      string
	name    string
	pid     int
}

// Run makes a container, and starts it unless told not to. Of the options it takes the image, the
// command, the name, the environment, labels, user, working directory, what is read only,
// devices, and the modes of network, PID and user namespace.
func (s *PodmanService) Run(t testing.TB, o RunOptions, pod string) *PodmanContainer {
	t.Helper()
	c := &PodmanContainer{t: t, service: s, name: o.Name}
	if c.name == "" {
		c.name = unique("dlx-test-")
	}
	env := map[string]string{}
	for _, e := range o.Env {
		key, value, _ := strings.Cut(e, "=")
		env[key] = value
	}
	spec := map[string]any{
		"image": o.Image, "name": c.name, "labels": o.Labels, "env": env, "cgroup_parent": s.cgroupParent(),
		"r_limits": []map[string]any{ // the configured ones are the command line's
			{"type": "NOFILE", "soft": 1024, "hard": 4096}, {"type": "NPROC", "soft": 1024, "hard": 2048},
		},
		"user": o.User, "work_dir": o.WorkingDir, "read_only_filesystem": o.ReadOnly,
	}
	if len(o.Cmd) > 0 {
		spec["command"] = o.Cmd
	}
	own := map[string]any{"netns": map[string]string{"nsmode": "none"}}
	if o.NetworkMode != "" {
		own = map[string]any{"netns": map[string]string{"nsmode": o.NetworkMode}}
	}
	if o.PidMode != "" {
		own["pidns"] = map[string]string{"nsmode": o.PidMode}
	}
	if o.UsernsMode != "" {
		own["userns"] = map[string]string{"nsmode": o.UsernsMode}
	}
	if len(o.Devices) > 0 {
		var list []map[string]string
		for _, d := range o.Devices {
			list = append(list, map[string]string{"path": d})
		}
		own["devices"] = list
	}
	if pod != "" {
		own = map[string]any{"pod": pod}
	}
	maps.Copy(spec, own)
	var made struct{ ID string }
	s.call(t, http.MethodPost, "/containers/create", encode(t, spec), &made)
	c.id = made.ID
	t.Cleanup(c.Remove)
	if !o.NoStart {
		c.Start()
	}
	return c
}

// ID is the container's.
func (c *PodmanContainer) ID() string { return c.id }

// Name is what it is called now.
func (c *PodmanContainer) Name() string { return c.name }

// PID is its first process on this host, or 0.
func (c *PodmanContainer) PID() int { return c.pid }

func (c *PodmanContainer) post(action string) {
	c.t.Helper()
	c.service.call(c.t, http.MethodPost, "/containers/"+c.id+"/"+action, nil, nil)
}

// Start starts it, and returns when its program runs or has ended.
func (c *PodmanContainer) Start() {
	c.t.Helper()
	c.post("start")
	c.running()
}

// Stop asks its first process to end, and kills it after a second.
func (c *PodmanContainer) Stop() {
	c.t.Helper()
	c.post("stop?timeout=1")
	c.pid = 0
}

// Restart stops and starts it.
func (c *PodmanContainer) Restart() {
	c.t.Helper()
	c.post("restart?t=1")
	c.running()
}

// Pause freezes its processes.
func (c *PodmanContainer) Pause() { c.t.Helper(); c.post("pause") }

// Unpause lets them go on.
func (c *PodmanContainer) Unpause() { c.t.Helper(); c.post("unpause") }

// Rename gives it another name.
func (c *PodmanContainer) Rename(name string) {
	c.t.Helper()
	c.post("rename?name=" + name)
	c.name = name
}

// Remove kills and removes it. One that is gone is fine. Podman can not remove one that ends while
// it is about to be killed ("container state improper"), and then can.
func (c *PodmanContainer) Remove() {
	Wait(c.t, "container "+c.name+" to be removed", podmanLimit, func() bool {
		err := c.service.try(http.MethodDelete, "/containers/"+c.id+"?force=true&timeout=0&ignore=true", nil, nil)
		if err != nil {
			c.t.Logf("remove container %s: %v", c.name, err)
		}
		return err == nil
	})
	c.pid = 0
}

// running notes the PID and waits for the program: until it is executed its command line is runc's.
func (c *PodmanContainer) running() {
	c.t.Helper()
	var is struct{ State struct{ Pid int } }
	c.service.call(c.t, http.MethodGet, "/containers/"+c.id+"/json", nil, &is)
	c.pid = is.State.Pid
	Wait(c.t, "the container's program", podmanLimit, func() bool {
		args := cmdline(c.pid)
		_, err := os.Stat(fmt.Sprintf("/proc/%d", c.pid))
		return err != nil || len(args) > 0 && !slices.Equal(args, []string{"runc", "init"})
	})
}
