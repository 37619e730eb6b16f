package server

import (
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"

	"dlx/agent/wire"
	"dlx/fault"
)

// told is an engine's error as a call's, with all that a client has to tell apart.
func told(err error) error {
	if err == nil {
		return nil
	}
	f := wire.FromError(err)
	out := connect.NewError(codeOf(fault.Kind(f.GetKind())), f.GetMsg())
	if detail, derr := connectproto.NewErrorDetail(f); derr == nil {
		out = out.WithDetail(detail)
	}
	return out
}

// codeOf is gRPC's word for a kind, for clients that know no better.
func codeOf(kind fault.Kind) connect.Code {
	switch kind {
	case fault.BadRequest, fault.BadTarget, fault.BadProfile, fault.BadFileSystem, fault.BadUser, fault.BadVariable, fault.BadDevice,
		fault.BadFilter, fault.HostFile, fault.WrongTarget, fault.RootRestricted, fault.BadKey, fault.BadArchive:
		return connect.CodeInvalidArgument
	case fault.NotFound, fault.NoImage, fault.NoNetNS, fault.NoInterface, fault.NoToolbox, fault.NoSession, fault.NoCapture, fault.NotInjected, fault.Removed:
		return connect.CodeNotFound
	case fault.Refused, fault.NoPrivileges:
		return connect.CodePermissionDenied
	case fault.Unknown:
		return connect.CodeUnauthenticated
	case fault.QuotaExceeded, fault.TooMany, fault.NoRecord, fault.NoRoom:
		return connect.CodeResourceExhausted
	case fault.TimedOut:
		return connect.CodeDeadlineExceeded
	case fault.Internal:
		return connect.CodeInternal
	}
	return connect.CodeFailedPrecondition
}
