package containerd

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dlx/target"
	"dlx/target/internal/grpcwire"
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
	labelNerdctl   = "nerdctl/name"
	labelPod       = "io.kubernetes.pod.name"
	labelPodUID    = "io.kubernetes.pod.uid"
	labelContainer = "io.kubernetes.container.name"
	labelKind      = "io.cri-containerd.kind"
	kindSandbox    = "sandbox"
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
	if name := c.labels[labelContainer]; name != "" && c.namespace == kubernetes {
		return c.labels[labelPod] + "_" + name
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
	pod, name := c.labels[labelPodUID], c.labels[labelContainer]
	if c.namespace != kubernetes || pod == "" || name == "" && !c.sandbox() {
		return ""
	}
	return pod + "/" + name
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

// maxName is longer than containerd's names are, which have 76 characters
// (identifiers/validate.go).
const maxName = 256

// plain says whether a name of containerd's, or of somebody else's, is one that can be asked for,
// be a header's value and one element of a path.
func plain(name string) bool {
	if name == "" || len(name) > maxName || strings.IndexByte("._-", name[0]) >= 0 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == '-':
			return false
		}
		return true
	})
}

// spec is what is of use here of OCI's specification of a container (config.md).
type spec struct {
	Process struct {
		Env  []string `json:"env"`
		Cwd  string   `json:"cwd"`
		User struct {
			UID uint32 `json:"uid"`
			GID uint32 `json:"gid"`
		} `json:"user"`
	} `json:"process"`
	Linux struct {
		CgroupsPath string `json:"cgroupsPath"`
	} `json:"linux"`
}

// specify adds what the specification says.
func (c *record) specify(info *target.Info) error {
	if len(c.spec) == 0 {
		return nil
	}
	var s spec
	if err := json.Unmarshal(c.spec, &s); err != nil {
		return fmt.Errorf("parse the specification of container %q: %w", info.ID, err)
	}
	info.Env, info.WorkingDir = s.Process.Env, s.Process.Cwd
	info.User = fmt.Sprintf("%d:%d", s.Process.User.UID, s.Process.User.GID)
	info.Cgroup = cgroupPath(s.Linux.CgroupsPath)
	return nil
}
