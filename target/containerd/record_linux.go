package containerd

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dlx/target"
	"dlx/target/internal/grpcwire"
	"dlx/target/internal/naming"
	"dlx/target/internal/ocispec"
)

// record is what containerd keeps of a container (api/services/containers/v1/containers.proto).
type record struct {
	namespace, id    string
	image            string
	labels           map[string]string
	snapshotter, key string // of its file system
	spec             []byte // OCI's, as JSON
	created          time.Time
}

// maxLabels is the most labels of one container that are read.
const maxLabels = 1 << 10

func parseRecord(namespace string, message []byte) (*record, error) {
	c := &record{namespace: namespace, labels: map[string]string{}}
	err := grpcwire.Fields(message, func(f grpcwire.Field) (err error) {
		switch f.Number {
		case 1:
			c.id = f.Text()
		case 2:
			var key, value string
			key, value, err = f.Pair()
			c.labels[key] = value
			if len(c.labels) > maxLabels {
				return fmt.Errorf("more than %d labels", maxLabels)
			}
		case 3:
			c.image = f.Text()
		case 5:
			var kind string
			if kind, c.spec, err = f.Any(); !strings.HasSuffix(kind, "opencontainers/runtime-spec/1/Spec") {
				c.spec = nil
			}
		case 6:
			c.snapshotter = f.Text()
		case 7:
			c.key = f.Text()
		case 8:
			c.created, err = f.Time()
		}
		return err
	})
	return c, err
}

// Labels by which others name their containers.
const (
	labelNerdctl = "nerdctl/name"
	labelKind    = "io.cri-containerd.kind"
	kindSandbox  = "sandbox"
)

// kubernetes is the namespace of Kubernetes's containers, whose labels it makes. In another one ctr
// takes a container's labels from its image, and whoever made that would have it hidden as a
// sandbox or called after a pod.
const kubernetes = "k8s.io"

// name is what people call the container. nerdctl makes up the IDs of those that it names.
func (c *record) name() string {
	if name := c.labels[labelNerdctl]; name != "" && target.IsRandomID(c.id) {
		return name
	}
	if name := naming.InPod(c.labels); name != "" && c.namespace == kubernetes {
		return name
	}
	return c.id
}

// sandbox says whether it only holds a pod's namespaces.
func (c *record) sandbox() bool {
	return c.namespace == kubernetes && c.labels[labelKind] == kindSandbox
}

// place is that of a container of Kubernetes's, which makes another one there for each restart; a
// pod's sandbox has no name in it.
func (c *record) place() string {
	if c.namespace != kubernetes {
		return ""
	}
	if pod := c.labels[naming.LabelPodUID]; pod != "" && c.sandbox() {
		return pod + "/"
	}
	return naming.Place(c.labels)
}

// fullID is unique on this host: an ID is free text, and unique in its namespace.
func (c *record) fullID() string { return c.namespace + "/" + c.id }

// splitID undoes fullID. The namespace of an ID without one is "".
func splitID(full string) (namespace, id string) {
	if namespace, id, ok := strings.Cut(full, "/"); ok {
		return namespace, id
	}
	return "", full
}

// passes says whether a filter lets the container through, whatever its state is.
func (c *record) passes(f target.Filter) bool {
	return (f.ID == "" || f.ID == c.id || f.ID == c.fullID()) && (f.Place == "" || f.Place == c.place()) && f.Labelled(c.labels) && (f.All || !c.sandbox())
}

// specify adds what the specification says.
func (c *record) specify(info *target.Info) error {
	if len(c.spec) == 0 {
		return nil
	}
	var s ocispec.Spec
	if err := json.Unmarshal(c.spec, &s); err != nil {
		return fmt.Errorf("parse the specification of container %q: %w", info.ID, err)
	}
	s.Specify(info)
	return nil
}
