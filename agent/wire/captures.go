package wire

import (
	"encoding/hex"

	"dlx/agent/captures"
	"dlx/agent/proto"
)

// FromKept is a capture on an agent's disk.
func FromKept(i captures.Info) *proto.KeptCapture {
	sum, _ := hex.DecodeString(i.SHA256) // which the agent has written
	return &proto.KeptCapture{
		Id: text(i.ID), User: text(i.User), Reason: text(i.Reason), Targets: Texts(i.Targets), Labels: Texts(i.Labels), Interface: text(i.Interface),
		Filter: text(i.Filter), Started: fromTime(i.Started), Until: fromTime(i.Until), Ended: fromTime(i.Ended), Why: text(i.Why),
		MaxBytes: i.MaxBytes, Bytes: i.Bytes, Packets: i.Packets, Dropped: i.Dropped, Sha256: sum,
		Gaps: Each(i.Gaps, func(g captures.Gap) *proto.Gap {
			return &proto.Gap{From: fromTime(g.From), To: fromTime(g.To), Why: text(g.Why)}
		}),
	}
}

// ToKept is the capture of a message.
func ToKept(m *proto.KeptCapture) captures.Info {
	return captures.Info{
		ID: m.GetId(), User: m.GetUser(), Reason: m.GetReason(), Targets: m.GetTargets(), Labels: m.GetLabels(), Interface: m.GetInterface(),
		Filter: m.GetFilter(), Started: toTime(m.GetStarted()), Until: toTime(m.GetUntil()), Ended: toTime(m.GetEnded()), Why: m.GetWhy(),
		MaxBytes: m.GetMaxBytes(), Bytes: m.GetBytes(), Packets: m.GetPackets(), Dropped: m.GetDropped(), SHA256: hex.EncodeToString(m.GetSha256()),
		Gaps: Each(m.GetGaps(), func(g *proto.Gap) captures.Gap {
			return captures.Gap{From: toTime(g.GetFrom()), To: toTime(g.GetTo()), Why: g.GetWhy()}
		}),
	}
}
