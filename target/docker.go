package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// requestLimit bounds each question to the engine, which may hang when the host is in trouble.
const requestLimit = 20 * time.Second

// Docker speaks to a Docker engine, or to Podman's socket of the same API, on this host. The API version is negotiated.
type Docker struct {
	client  *client.Client
	socket  string
	greeted chan struct{} // closed when the version is negotiated, or can not be
	leave   func()        // gives up negotiating
}

// NewDocker takes DOCKER_HOST and DOCKER_API_VERSION from the environment, and begins to negotiate the API version, beside
// what its caller does before it asks something. An engine that is not there is the first question's error.
func NewDocker() (*Docker, error) {
	c, err := client.New(client.WithHostFromEnv(), client.WithAPIVersionFromEnv())
	if err != nil {
		return nil, fmt.Errorf("set up the Docker client: %w", err)
	}
	scheme, socket, _ := strings.Cut(c.DaemonHost(), "://")
	if scheme != "unix" {
		return nil, errors.Join(&RemoteEngineError{c.DaemonHost()}, c.Close())
	}
	ctx, leave := context.WithTimeout(context.Background(), requestLimit)
	d := &Docker{c, socket, make(chan struct{}), leave}
	go d.greet(ctx)
	return d, nil
}

func (d *Docker) greet(ctx context.Context) {
	defer close(d.greeted)
	_, _ = d.client.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}) // the first question fails as this did
}

// limited is the context of a question, once the API version is negotiated. The client would wait for that without heed of
// the question's end, so that who gives up makes the negotiation end too.
func (d *Docker) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	select {
	case <-d.greeted:
	case <-ctx.Done():
		d.leave()
	}
	return ctx, cancel
}

// Close releases the connections.
func (d *Docker) Close() error {
	d.leave()
	<-d.greeted
	return d.client.Close()
}

// Socket is the path of the engine's socket.
func (d *Docker) Socket() string { return d.socket }

// List returns the containers that have a process; with all, the others too.
func (d *Docker) List(ctx context.Context, all bool) ([]Info, error) {
	ctx, cancel := d.limited(ctx)
	defer cancel()
	res, err := d.client.ContainerList(ctx, client.ContainerListOptions{All: all})
	if err != nil {
		return nil, d.explain(err, "list containers")
	}
	infos := make([]Info, 0, len(res.Items))
	for _, c := range res.Items {
		infos = append(infos, infoOfSummary(&c))
	}
	sort.Slice(infos, func(i, j int) bool { return infos[i].Name < infos[j].Name })
	return infos, nil
}

func infoOfSummary(c *container.Summary) Info {
	info := Info{Runtime: dockerScheme, ID: c.ID, Image: c.Image, Labels: c.Labels, State: State(c.State)}
	for _, name := range c.Names {
		if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") { // "/other/alias" is an old-style link
			info.Name = name
		}
	}
	return info
}

// Find looks a container up by name, by ID, or by a prefix of either that fits no other one.
func (d *Docker) Find(ctx context.Context, name string) (*Info, error) {
	info, err := d.inspect(ctx, name)
	switch {
	case err == nil && (info.Name == name || info.ID == name):
		return info, nil
	case err == nil, errdefs.IsNotFound(err), errdefs.IsInvalidArgument(err), errdefs.IsConflict(err), errdefs.IsInternal(err):
		return d.findPrefix(ctx, name, err)
	}
	return nil, err
}

// findPrefix looks for a prefix in the list of containers: the engine knows those of IDs only, and its answers to one
// that fits none and to one that fits several differ in nothing but their text.
func (d *Docker) findPrefix(ctx context.Context, prefix string, cause error) (*Info, error) {
	infos, err := d.List(ctx, true)
	if err != nil {
		return nil, err
	}
	switch hits := withPrefix(infos, prefix); {
	case len(hits) == 1:
		return d.inspect(ctx, hits[0].ID)
	case len(hits) > 1:
		ambiguous := &AmbiguousError{Ref: prefix}
		for _, c := range hits {
			ambiguous.Hits = append(ambiguous.Hits, fmt.Sprintf("docker://%.12s (%s)", c.ID, c.Name))
		}
		return nil, ambiguous
	case cause != nil && !errdefs.IsNotFound(cause):
		return nil, cause
	}
	names := make([]string, len(infos))
	for i, c := range infos {
		names[i] = c.Name
	}
	return nil, &NotFoundError{Ref: prefix, Similar: similar(prefix, names)}
}

// withPrefix returns the container of that name or, if there is none, those whose name or ID begins with prefix.
func withPrefix(infos []Info, prefix string) []Info {
	var hits []Info
	for _, c := range infos {
		switch {
		case c.Name == prefix:
			return []Info{c}
		case strings.HasPrefix(c.ID, prefix), strings.HasPrefix(c.Name, prefix):
			hits = append(hits, c)
		}
	}
	return hits
}

func (d *Docker) inspect(ctx context.Context, name string) (*Info, error) {
	ctx, cancel := d.limited(ctx)
	defer cancel()
	res, err := d.client.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return nil, d.explain(err, "inspect container "+name)
	}
	return infoOf(&res.Container), nil
}

func infoOf(c *container.InspectResponse) *Info {
	info := &Info{Runtime: dockerScheme, ID: c.ID, Name: strings.TrimPrefix(c.Name, "/"), Image: c.Image}
	if c.Config != nil {
		info.Image, info.Labels, info.Env = c.Config.Image, c.Config.Labels, c.Config.Env
		info.WorkingDir, info.User = c.Config.WorkingDir, c.Config.User
	}
	if c.State != nil {
		info.State, info.PID = State(c.State.Status), c.State.Pid
		info.Started, _ = time.Parse(time.RFC3339Nano, c.State.StartedAt)
	}
	if g := c.GraphDriver; g != nil {
		info.Layers.Merged, info.Layers.Upper = g.Data["MergedDir"], g.Data["UpperDir"]
		if lower := g.Data["LowerDir"]; lower != "" {
			info.Layers.Lower = strings.Split(lower, ":")
		}
	}
	return info
}

// PID returns the number of a container's first process, 0 if it has none.
func (d *Docker) PID(ctx context.Context, id string) (int, error) {
	info, err := d.inspect(ctx, id)
	if err != nil {
		return 0, err
	}
	return info.PID, nil
}

// AddLayers fills in the merged directory for engines that name none in inspect: with the containerd image store it is
// DockerRootDir/rootfs/DRIVER/ID while the container runs (moby, daemon/containerd/mount.go).
func (d *Docker) AddLayers(ctx context.Context, info *Info) error {
	if info.Layers.Merged != "" {
		return nil
	}
	ctx, cancel := d.limited(ctx)
	defer cancel()
	res, err := d.client.Info(ctx, client.InfoOptions{})
	if err != nil {
		return d.explain(err, "ask the engine for its root directory")
	}
	if root, driver := res.Info.DockerRootDir, res.Info.Driver; filepath.IsAbs(root) && driver != "" && info.State.Live() {
		info.Layers.Merged = filepath.Join(root, "rootfs", driver, info.ID)
	}
	return nil
}

// Version returns the engine's and the negotiated API's version.
func (d *Docker) Version(ctx context.Context) (engine, api string, err error) {
	ctx, cancel := d.limited(ctx)
	defer cancel()
	res, err := d.client.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", "", d.explain(err, "ask the engine for its version")
	}
	return res.Version, d.client.ClientVersion(), nil
}

// explain tells a socket that may not be used from an engine that is not there. The client does not keep the cause, so
// the socket is tried once more.
func (d *Docker) explain(err error, what string) error {
	if !client.IsErrConnectionFailed(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	conn, cause := net.DialTimeout("unix", d.socket, time.Second)
	switch {
	case cause == nil:
		return fmt.Errorf("%s: %w", what, errors.Join(err, conn.Close()))
	case errors.Is(cause, fs.ErrPermission):
		return &PermissionError{d.socket, cause}
	}
	return &NoEngineError{d.socket, cause}
}
