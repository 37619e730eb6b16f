package wire

import (
	"net/netip"

	"dlx/agent/proto"
	"dlx/engine"
	"dlx/toolbox"
)

// FromStats is a capture's closing figures.
func FromStats(s *engine.CaptureStats) *proto.CaptureStats {
	return &proto.CaptureStats{
		Captured: s.Captured, Bytes: s.Bytes, Received: s.Received, Dropped: s.Dropped, Skipped: Texts(s.Skipped), Restarts: Texts(s.Restarts),
		LeftOut: Each(s.LeftOut, fromConnection), TargetEnded: s.TargetEnded,
	}
}

// ToStats is the figures of a message.
func ToStats(m *proto.CaptureStats) engine.CaptureStats {
	return engine.CaptureStats{
		Captured: m.GetCaptured(), Bytes: m.GetBytes(), Received: m.GetReceived(), Dropped: m.GetDropped(), Skipped: m.GetSkipped(),
		Restarts: m.GetRestarts(), LeftOut: Each(m.GetLeftOut(), toConnection), TargetEnded: m.GetTargetEnded(),
	}
}

func fromConnection(c engine.Connection) *proto.Connection {
	return &proto.Connection{Local: c.Local.String(), Remote: c.Remote.String()}
}

// toConnection leaves empty what it can not parse.
func toConnection(m *proto.Connection) (c engine.Connection) {
	c.Local, _ = netip.ParseAddrPort(m.GetLocal())
	c.Remote, _ = netip.ParseAddrPort(m.GetRemote())
	return c
}

// FromInjected is what is where.
func FromInjected(r *engine.InjectResult) *proto.InjectResponse {
	return &proto.InjectResponse{
		Target: text(r.Target), Runtime: text(r.Runtime), Id: text(r.ID), Path: text(r.Path), Shell: text(r.Shell), Program: text(r.Program),
		Already: r.Already, Toolboxes: Each(r.Toolboxes, FromPart),
	}
}

// ToInjected is the result of a message.
func ToInjected(m *proto.InjectResponse) engine.InjectResult {
	return engine.InjectResult{
		Target: m.GetTarget(), Runtime: m.GetRuntime(), ID: m.GetId(), Path: m.GetPath(), Shell: m.GetShell(), Program: m.GetProgram(),
		Already: m.GetAlready(), Toolboxes: Each(m.GetToolboxes(), ToPart),
	}
}

// FromEjected is what became of one injected toolbox.
func FromEjected(r engine.EjectResult) *proto.Ejected {
	return &proto.Ejected{Target: text(r.Target), Id: text(r.ID), Left: Texts(r.Left), Gone: r.Gone}
}

// ToEjected is the result of a message.
func ToEjected(m *proto.Ejected) engine.EjectResult {
	return engine.EjectResult{Target: m.GetTarget(), ID: m.GetId(), Left: m.GetLeft(), Gone: m.GetGone()}
}

// FromPart is one of the toolboxes of a session.
func FromPart(p toolbox.Part) *proto.Part {
	return &proto.Part{Name: text(p.Name), Version: text(p.Version), Digest: text(p.Digest), Key: text(p.Key), AsTheyLie: int32(p.AsTheyLie)}
}

// ToPart is the toolbox of a message.
func ToPart(m *proto.Part) toolbox.Part {
	return toolbox.Part{Name: m.GetName(), Version: m.GetVersion(), Digest: m.GetDigest(), Key: m.GetKey(), AsTheyLie: int(m.GetAsTheyLie())}
}

// FromToolbox is what an engine says of a toolbox.
func FromToolbox(b engine.Toolbox) *proto.Toolbox {
	return &proto.Toolbox{
		Name: text(b.Name), Version: text(b.Version), Sequence: b.Sequence, Arch: text(b.Arch), Digest: text(b.Digest), Key: text(b.Key),
		Vouched: text(b.Vouched), Created: fromTime(b.Created), NotAfter: fromTime(b.NotAfter), Files: int64(b.Files), Bytes: b.Bytes,
		Refused: text(b.Refused), File: text(b.File), Packages: Each(b.Packages, fromPackage),
	}
}

// ToToolbox is the toolbox of a message.
func ToToolbox(m *proto.Toolbox) engine.Toolbox {
	return engine.Toolbox{
		Name: m.GetName(), Version: m.GetVersion(), Sequence: m.GetSequence(), Arch: m.GetArch(), Digest: m.GetDigest(), Key: m.GetKey(),
		Vouched: m.GetVouched(), Created: toTime(m.GetCreated()), NotAfter: toTime(m.GetNotAfter()), Files: int(m.GetFiles()), Bytes: m.GetBytes(),
		Refused: m.GetRefused(), File: m.GetFile(), Packages: Each(m.GetPackages(), toPackage),
	}
}

func fromPackage(p toolbox.Package) *proto.Package {
	return &proto.Package{Name: text(p.Name), Version: text(p.Version), License: text(p.License), Origin: text(p.Origin), Files: int64(p.Files)}
}

func toPackage(m *proto.Package) toolbox.Package {
	return toolbox.Package{Name: m.GetName(), Version: m.GetVersion(), License: m.GetLicense(), Origin: m.GetOrigin(), Files: int(m.GetFiles())}
}
