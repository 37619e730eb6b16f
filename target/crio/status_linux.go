package crio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"dlx/target"
	"dlx/target/internal/grpcwire"
	"dlx/target/internal/ocispec"
)

// status is what the runtime says of one container (api.proto, ContainerStatusResponse).
type status struct {
	container
	started time.Time
	verbose *verbose // nil: it is not told
}

// verbose is the JSON under "info". The interface leaves it to runtimes; it is that of CRI-O
// (cri-o, server/container_status.go, containerInfo), and containerd's has the same of it.
type verbose struct {
	PID  int          `json:"pid"`
	Spec ocispec.Spec `json:"runtimeSpec"`
}

// maxPID is the most that a process's number can be (PID_MAX_LIMIT, the kernel's linux/threads.h).
const maxPID = 1 << 22

// status asks for a container. One that is not there, or has an ID that none can have, is a
// fault.NotFound.
func (r *Runtime) status(ctx context.Context, id string) (*status, error) {
	const what = "ask for a container"
	if !target.IsRandomID(id) {
		return nil, notFound(id)
	}
	message := grpcwire.AppendBytes(nil, 1, id)
	message = protowire.AppendVarint(protowire.AppendTag(message, 2, protowire.VarintType), 1) // verbose
	answer, err := r.call(ctx, what, "ContainerStatus", message)
	if grpcwire.Is(err, grpcwire.NotFound) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, err
	}
	s, err := parseStatus(answer)
	if err == nil && s.id != id {
		err = errors.New("the answer is about another one")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return s, nil
}

func parseStatus(answer []byte) (*status, error) {
	s := &status{}
	s.labels, s.state = map[string]string{}, stateOf(0)
	err := grpcwire.Fields(answer, func(f grpcwire.Field) (err error) {
		switch f.Number {
		case 1:
			err = s.read(f.Bytes())
		case 2:
			var key, value string
			if key, value, err = f.Pair(); key == "info" {
				s.verbose = &verbose{}
				err = errors.Join(err, json.Unmarshal([]byte(value), s.verbose))
			}
		}
		return err
	})
	return s, err
}

// read reads a ContainerStatus.
func (s *status) read(message []byte) error {
	var ref string
	err := grpcwire.Fields(message, func(f grpcwire.Field) (err error) {
		switch f.Number {
		case 1:
			s.id = f.Text()
		case 3:
			s.state = stateOf(f.Uint())
		case 4:
			s.created = timeOf(f.Uint())
		case 5:
			s.started = timeOf(f.Uint())
		case 8:
			s.image, err = imageOf(f.Bytes())
		case 9:
			ref = f.Text()
		case 12:
			err = addLabel(s.labels, f)
		}
		return err
	})
	s.image = cmp.Or(s.image, ref)
	return err
}

// specify adds what is told of the container's process. If it has one, there has to be a number,
// and a cgroup to know the process by: its monitor's is called after the container too,
// crio-conmon-ID, and a start proves nothing.
func (s *status) specify(info *target.Info) error {
	info.Started = s.started
	if s.verbose == nil {
		if s.state.Live() {
			return fmt.Errorf("the runtime tells nothing of the process of container %.12s", s.id)
		}
		return nil
	}
	s.verbose.Spec.Specify(info)
	if !s.state.Live() { // CRI-O still tells a number (InitPid), which may be anybody's by now
		return nil
	}
	if pid := s.verbose.PID; pid <= 0 || pid > maxPID {
		return fmt.Errorf("the runtime tells that container %.12s has process %d", s.id, pid)
	}
	if !strings.Contains(path.Base(info.Cgroup), s.id) {
		return fmt.Errorf("the runtime tells that container %.12s is in cgroup %.200q", s.id, s.verbose.Spec.Linux.CgroupsPath)
	}
	info.PID = s.verbose.PID
	return nil
}
