package wire

import (
	"google.golang.org/protobuf/types/known/durationpb"

	"dlx/agent/proto"
	"dlx/engine"
	"dlx/shell"
	"dlx/target"
)

// FromRestraints is what holds a session back.
func FromRestraints(r engine.Restraints) *proto.Restraints {
	return &proto.Restraints{
		Profile: text(r.Profile), Capabilities: Texts(r.Capabilities), NoNewPrivs: r.NoNewPrivs, Seccomp: text(r.Seccomp), Devices: text(r.Devices),
		Nodev: r.Nodev, Label: text(r.Label), UserNamespace: r.UserNS, GroupsKept: r.GroupsKept, OomScoreAdj: int32(r.OOMScoreAdj),
		ResourceLimits: int32(r.Limits), Unlimited: r.Unlimited, Privileged: r.Privileged,
	}
}

// ToRestraints is the restraints of a message.
func ToRestraints(m *proto.Restraints) engine.Restraints {
	return engine.Restraints{
		Profile: m.GetProfile(), Capabilities: m.GetCapabilities(), NoNewPrivs: m.GetNoNewPrivs(), Seccomp: m.GetSeccomp(), Devices: m.GetDevices(),
		Nodev: m.GetNodev(), Label: m.GetLabel(), UserNS: m.GetUserNamespace(), GroupsKept: m.GetGroupsKept(), OOMScoreAdj: int(m.GetOomScoreAdj()),
		Limits: int(m.GetResourceLimits()), Unlimited: m.GetUnlimited(), Privileged: m.GetPrivileged(),
	}
}

// FromHoldNews is how it goes with a container that is waited for and held.
func FromHoldNews(n engine.HoldNews) *proto.HoldNews {
	return &proto.HoldNews{State: text(string(n.State)), Target: text(n.Target), End: text(n.End), Pid: int32(n.PID), Limit: durationpb.New(n.Limit)}
}

// ToHoldNews is the news of a message.
func ToHoldNews(m *proto.HoldNews) engine.HoldNews {
	return engine.HoldNews{
		State: shell.HoldState(m.GetState()), Target: m.GetTarget(), End: m.GetEnd(), PID: int(m.GetPid()), Limit: m.GetLimit().AsDuration(),
	}
}

// FromStill is what does not run, as a session's user is told of it: not where its files are.
func FromStill(s *target.Still) *proto.Still {
	m := &proto.Still{
		Info: FromInfo(&s.Info), Env: Texts(s.Env), Entrypoint: Texts(s.Entrypoint), Command: Texts(s.Command), Volumes: Texts(s.Volumes),
		Hostname: text(s.Hostname),
	}
	if s.End != nil {
		m.End = &proto.End{Status: int32(s.End.Status), Time: fromTime(s.End.Time), OutOfMemory: s.End.OutOfMemory, Error: text(s.End.Error)}
	}
	return m
}

// ToStill is what a message says of it.
func ToStill(m *proto.Still) *target.Still {
	s := &target.Still{
		Info: ToInfo(m.GetInfo()), Entrypoint: m.GetEntrypoint(), Command: m.GetCommand(), Volumes: m.GetVolumes(), Hostname: m.GetHostname(),
	}
	s.Env = m.GetEnv()
	if e := m.GetEnd(); e != nil {
		s.End = &target.End{Status: int(e.GetStatus()), Time: toTime(e.GetTime()), OutOfMemory: e.GetOutOfMemory(), Error: e.GetError()}
	}
	return s
}
