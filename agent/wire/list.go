package wire

import (
	"net"
	"net/netip"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"dlx/agent/proto"
	"dlx/capture"
	"dlx/engine"
	"dlx/target"
)

// FromInfo is what a runtime says of a container, as far as a client needs it.
func FromInfo(c *target.Info) *proto.Info {
	m := &proto.Info{
		Runtime: text(c.Runtime), Id: text(c.ID), Name: text(c.Name), Image: text(c.Image), WorkingDir: text(c.WorkingDir), User: text(c.User),
		State: text(string(c.State)), Pid: int32(c.PID), Owner: uint32(c.Owner), Started: fromTime(c.Started),
		Layers:    &proto.Layers{Merged: text(c.Layers.Merged), Upper: text(c.Layers.Upper), Lower: Texts(c.Layers.Lower)},
		Addresses: Each(c.Addresses, netip.Addr.String),
	}
	for key, value := range c.Labels {
		if m.Labels == nil {
			m.Labels = map[string]string{}
		}
		m.Labels[text(key)] = text(value)
	}
	return m
}

// ToInfo is the container of a message.
func ToInfo(m *proto.Info) target.Info {
	return target.Info{
		Runtime: m.GetRuntime(), ID: m.GetId(), Name: m.GetName(), Image: m.GetImage(), Labels: m.GetLabels(), WorkingDir: m.GetWorkingDir(),
		User: m.GetUser(), State: target.State(m.GetState()), PID: int(m.GetPid()), Owner: int(m.GetOwner()), Started: toTime(m.GetStarted()),
		Layers:    target.Layers{Merged: m.GetLayers().GetMerged(), Upper: m.GetLayers().GetUpper(), Lower: m.GetLayers().GetLower()},
		Addresses: parsed(m.GetAddresses(), netip.ParseAddr),
	}
}

// FromContainer is a line of the list.
func FromContainer(c engine.Container) *proto.Container {
	return &proto.Container{Info: FromInfo(&c.Info), Shell: text(c.Shell)}
}

// ToContainer is the line of a message.
func ToContainer(m *proto.Container) engine.Container {
	return engine.Container{Info: ToInfo(m.GetInfo()), Shell: m.GetShell()}
}

// FromNetNamespace is a network namespace that has a name.
func FromNetNamespace(n engine.NetNamespace) *proto.NetNamespace {
	return &proto.NetNamespace{Name: text(n.Name), Path: text(n.Path), Inode: n.Inode, Host: n.Host, Containers: Texts(n.Containers)}
}

// ToNetNamespace is the namespace of a message.
func ToNetNamespace(m *proto.NetNamespace) engine.NetNamespace {
	return engine.NetNamespace{Name: m.GetName(), Path: m.GetPath(), Inode: m.GetInode(), Host: m.GetHost(), Containers: m.GetContainers()}
}

// FromInterface is a network interface.
func FromInterface(i capture.Interface) *proto.Interface {
	return &proto.Interface{
		Name: text(i.Name), Index: int32(i.Index), Up: i.Up, Loopback: i.Loopback, Driver: text(i.Driver), LinkType: uint32(i.LinkType),
		Mac: i.MAC, Addresses: Each(i.Addresses, netip.Prefix.String),
	}
}

// ToInterface is the interface of a message.
func ToInterface(m *proto.Interface) capture.Interface {
	return capture.Interface{
		Name: m.GetName(), Index: int(m.GetIndex()), Up: m.GetUp(), Loopback: m.GetLoopback(), Driver: m.GetDriver(), LinkType: uint16(m.GetLinkType()),
		MAC: net.HardwareAddr(m.GetMac()), Addresses: parsed(m.GetAddresses(), netip.ParsePrefix),
	}
}

// FromCheck is a line on the engine's machine.
func FromCheck(c engine.Check) *proto.Check {
	return &proto.Check{Name: text(c.Name), Ok: c.OK, Found: text(c.Found), Advice: text(c.Advice), Fault: FromError(c.Err)}
}

// ToCheck is the line of a message.
func ToCheck(m *proto.Check) engine.Check {
	return engine.Check{Name: m.GetName(), OK: m.GetOk(), Found: m.GetFound(), Advice: m.GetAdvice(), Err: ToError(m.GetFault(), nil)}
}

// parsed leaves out what can not be parsed.
func parsed[T any](list []string, parse func(string) (T, error)) (out []T) {
	for _, s := range list {
		if item, err := parse(s); err == nil {
			out = append(out, item)
		}
	}
	return out
}

func fromTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func toTime(m *timestamppb.Timestamp) time.Time {
	if m == nil {
		return time.Time{}
	}
	return m.AsTime()
}
