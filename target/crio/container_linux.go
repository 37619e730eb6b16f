package crio

import (
	"cmp"
	"fmt"
	"time"

	"dlx/internal/printable"
	"dlx/target"
	"dlx/target/internal/grpcwire"
	"dlx/target/internal/naming"
)

// container is what a list says of one (api.proto, Container).
type container struct {
	id      string
	image   string
	labels  map[string]string
	state   target.State
	created time.Time
}

// maxLabels is the most labels of one container that are read.
const maxLabels = 1 << 10

func parseContainer(message []byte) (c container, err error) {
	c.labels, c.state = map[string]string{}, stateOf(0)
	var ref string
	err = grpcwire.Fields(message, func(f grpcwire.Field) (err error) {
		switch f.Number {
		case 1:
			c.id = f.Text()
		case 4:
			c.image, err = imageOf(f.Bytes())
		case 5:
			ref = f.Text()
		case 6:
			c.state = stateOf(f.Uint())
		case 7:
			c.created = timeOf(f.Uint())
		case 8:
			err = addLabel(c.labels, f)
		}
		return err
	})
	c.image = cmp.Or(c.image, ref)
	return c, err
}

func addLabel(labels map[string]string, f grpcwire.Field) error {
	key, value, err := f.Pair()
	labels[key] = value
	if len(labels) > maxLabels {
		return fmt.Errorf("more than %d labels", maxLabels)
	}
	return err
}

// imageOf is an image as who made the container called it, or else as the kubelet did, which is by
// a digest (api.proto, ImageSpec).
func imageOf(spec []byte) (string, error) {
	var name, image string
	err := grpcwire.Fields(spec, func(f grpcwire.Field) error {
		switch f.Number {
		case 1:
			image = f.Text()
		case 18:
			name = f.Text()
		}
		return nil
	})
	return cmp.Or(name, image), err
}

// stateOf is a ContainerState in words. A container that is paused is running there.
func stateOf(n uint64) target.State {
	switch n {
	case 0:
		return target.Created
	case 1:
		return target.Running
	case 2:
		return target.Exited
	}
	return "unknown"
}

// timeOf is a time in nanoseconds since 1970. CRI-O has a large negative number for one that has
// not come yet (Go's zero time as UnixNano).
func timeOf(nanos uint64) time.Time {
	if int64(nanos) <= 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(nanos))
}

// name is what people call the container.
func (c *container) name() string {
	if name := naming.InPod(c.labels); name != "" {
		return name
	}
	return c.id
}

// askable says whether the container can be asked for: CRI-O makes up all IDs, and takes the
// beginning of one for it (cri-o, internal/lib/container_server.go, GetContainerFromShortID).
func (c *container) askable() bool { return target.IsRandomID(c.id) }

// info is what a list says of it.
func (c *container) info() target.Info {
	return target.Info{
		Runtime: Scheme, ID: printable.Escape(c.id), Name: printable.Escape(c.name()), Image: c.image, Labels: c.labels,
		State: c.state, Place: naming.Place(c.labels),
	}
}

// passes says whether a filter lets the container through.
func (c *container) passes(f target.Filter) bool {
	return (f.All || c.state.Live()) && (f.ID == "" || f.ID == c.id) && (f.Place == "" || f.Place == naming.Place(c.labels)) && f.Labelled(c.labels)
}
