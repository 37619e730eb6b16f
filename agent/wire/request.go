package wire

import (
	"fmt"

	"google.golang.org/protobuf/types/known/durationpb"

	"dlx/agent/proto"
	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
)

// FromDebug is what a request says. An error is one about its toolboxes.
func FromDebug(r *engine.DebugRequest) (*proto.DebugRequest, error) {
	refs, err := fromRefs(r.Toolboxes)
	return &proto.DebugRequest{
		Target: text(r.Target), Stopped: r.Stopped, Fs: text(string(r.FS)), Profile: text(r.Profile), User: text(r.User),
		Dir: []byte(r.Dir), Env: bytesOf(r.Env), ClearEnv: r.ClearEnv, KeepEnv: r.KeepEnv, Command: bytesOf(r.Command),
		Tty: r.TTY, Term: text(r.Term), ReadOnly: r.ReadOnly, Timeout: durationpb.New(r.Timeout), Toolboxes: refs,
		Devices: Texts(r.Devices), Memory: r.Memory, Pids: r.Pids,
		Hold: &proto.Hold{When: text(string(r.Hold.When)), Limit: durationpb.New(r.Hold.Limit)},
	}, err
}

// ToDebug is the request of a message.
func ToDebug(m *proto.DebugRequest) (engine.DebugRequest, error) {
	refs, err := toRefs(m.GetToolboxes())
	return engine.DebugRequest{
		Target: m.GetTarget(), Stopped: m.GetStopped(), FS: engine.FS(m.GetFs()), Profile: m.GetProfile(), User: m.GetUser(),
		Dir: string(m.GetDir()), Env: stringsOf(m.GetEnv()), ClearEnv: m.GetClearEnv(), KeepEnv: m.GetKeepEnv(), Command: stringsOf(m.GetCommand()),
		TTY: m.GetTty(), Term: m.GetTerm(), ReadOnly: m.GetReadOnly(), Timeout: m.GetTimeout().AsDuration(), Toolboxes: refs,
		Devices: m.GetDevices(), Memory: m.GetMemory(), Pids: m.GetPids(),
		Hold: engine.Hold{When: engine.When(m.GetHold().GetWhen()), Limit: m.GetHold().GetLimit().AsDuration()},
	}, err
}

// FromCapture is what a request says, but for User, which is the agent's own to know.
func FromCapture(r *engine.CaptureRequest) (*proto.CaptureRequest, error) {
	if r.Direction < capture.Both || r.Direction > capture.Out {
		return nil, fault.New(fault.BadRequest, "", "no direction: %d", r.Direction)
	}
	return &proto.CaptureRequest{
		Targets: Texts(r.Targets), Labels: Texts(r.Labels), Interface: text(r.Interface), Direction: proto.Direction(r.Direction),
		SnapLen: int64(r.SnapLen), Filter: text(r.Filter), Count: r.Count, MaxBytes: r.MaxBytes, RingSize: int64(r.RingSize),
		NoProcess: r.NoProcess, NoNames: r.NoNames, Latency: durationpb.New(r.Latency), Own: Each(r.Own, fromConnection),
	}, nil
}

// ToCapture is the request of a message.
func ToCapture(m *proto.CaptureRequest) (r engine.CaptureRequest, err error) {
	if m.GetDirection() < proto.Direction_DIRECTION_BOTH || m.GetDirection() > proto.Direction_DIRECTION_OUT {
		return r, fault.New(fault.BadRequest, "", "no direction: %d", m.GetDirection())
	}
	r = engine.CaptureRequest{
		Targets: m.GetTargets(), Labels: m.GetLabels(), Interface: m.GetInterface(), Direction: capture.Direction(m.GetDirection()),
		Filter: m.GetFilter(), Count: m.GetCount(), MaxBytes: m.GetMaxBytes(), NoProcess: m.GetNoProcess(), NoNames: m.GetNoNames(),
		Latency: m.GetLatency().AsDuration(), Own: Each(m.GetOwn(), toConnection),
	}
	r.SnapLen, r.RingSize = int(m.GetSnapLen()), int(m.GetRingSize())
	return r, nil
}

// FromRef is a toolbox's name or file.
func FromRef(ref engine.ToolboxRef) (*proto.ToolboxRef, error) {
	switch ref := ref.(type) {
	case nil:
		return nil, nil
	case engine.ToolboxName:
		return &proto.ToolboxRef{Ref: &proto.ToolboxRef_Name{Name: text(string(ref))}}, nil
	case engine.ToolboxFile:
		return &proto.ToolboxRef{Ref: &proto.ToolboxRef_File{File: text(string(ref))}}, nil
	}
	return nil, fmt.Errorf("a %T is no toolbox that an agent knows", ref)
}

// ToRef is the toolbox that a message names, nil if there is none.
func ToRef(m *proto.ToolboxRef) (engine.ToolboxRef, error) {
	switch ref := m.GetRef().(type) {
	case *proto.ToolboxRef_Name:
		return engine.ToolboxName(ref.Name), nil
	case *proto.ToolboxRef_File:
		return engine.ToolboxFile(ref.File), nil
	}
	if m != nil {
		return nil, fault.New(fault.BadRequest, "", "a toolbox is named in a way that this agent does not know")
	}
	return nil, nil
}

// FromInject is what a request says.
func FromInject(r *engine.InjectRequest) (*proto.InjectRequest, error) {
	refs, err := fromRefs(r.Toolboxes)
	return &proto.InjectRequest{Target: text(r.Target), Toolboxes: refs}, err
}

// ToInject is the request of a message.
func ToInject(m *proto.InjectRequest) (engine.InjectRequest, error) {
	refs, err := toRefs(m.GetToolboxes())
	return engine.InjectRequest{Target: m.GetTarget(), Toolboxes: refs}, err
}

func fromRefs(refs []engine.ToolboxRef) (list []*proto.ToolboxRef, err error) {
	for _, ref := range refs {
		m, err := FromRef(ref)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func toRefs(messages []*proto.ToolboxRef) (refs []engine.ToolboxRef, err error) {
	for _, m := range messages {
		ref, err := ToRef(m)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}
