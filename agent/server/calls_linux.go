package server

import (
	"context"
	"fmt"
	"slices"

	"dlx/agent/identity"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/wire"
	"dlx/engine"
	"dlx/fault"
	"dlx/toolbox"
)

// handler takes a server's calls, each of which is the engine's of that name unless it says more.
type handler struct{ *Server }

var _ protoconnect.AgentHandler = handler{}

// Hello says who is who.
func (s handler) Hello(ctx context.Context, _ *proto.HelloRequest) (*proto.HelloResponse, error) {
	caller := identity.Of(ctx)
	return &proto.HelloResponse{Version: s.o.Version, User: caller.Name, KnownBy: string(caller.Known)}, nil
}

func (s handler) List(ctx context.Context, _ *proto.ListRequest) (*proto.ListResponse, error) {
	w := &Work{Verb: verbList}
	return within(ctx, s, w, func(ctx context.Context) (*proto.ListResponse, error) {
		list, err := s.o.Engine.List(ctx)
		w.err = err
		list = slices.DeleteFunc(list, func(c engine.Container) bool { return s.allow(ctx, verbList, &c.Info) != nil })
		return &proto.ListResponse{Containers: wire.Each(list, wire.FromContainer), Fault: wire.FromError(err)}, nil
	})
}

func (s handler) Names(ctx context.Context, _ *proto.NamesRequest) (*proto.NamesResponse, error) {
	w := &Work{Verb: verbList}
	return within(ctx, s, w, func(ctx context.Context) (*proto.NamesResponse, error) {
		list, err := s.o.Engine.Names(ctx)
		w.err = err
		m := &proto.NamesResponse{Fault: wire.FromError(err)}
		for i := range list {
			if s.allow(ctx, verbList, &list[i]) == nil {
				m.Names = append(m.Names, wire.FromInfo(&list[i]))
			}
		}
		return m, nil
	})
}

func (s handler) NetNamespaces(ctx context.Context, _ *proto.NetNamespacesRequest) (*proto.NetNamespacesResponse, error) {
	return allowed(ctx, s, verbNetNS, func(ctx context.Context) (*proto.NetNamespacesResponse, error) {
		list, err := s.o.Engine.NetNamespaces(ctx)
		return &proto.NetNamespacesResponse{Namespaces: wire.Each(list, wire.FromNetNamespace), Fault: wire.FromError(err)}, nil
	})
}

func (s handler) Interfaces(ctx context.Context, req *proto.InterfacesRequest) (*proto.InterfacesResponse, error) {
	w := &Work{Verb: string(engine.VerbInterfaces), Targets: []string{req.GetTarget()}, Reason: req.GetReason()}
	return within(ctx, s, w, func(ctx context.Context) (*proto.InterfacesResponse, error) {
		list, err := s.o.Engine.Interfaces(ctx, req.GetTarget())
		return &proto.InterfacesResponse{Interfaces: wire.Each(list, wire.FromInterface)}, err
	})
}

func (s handler) Health(ctx context.Context, _ *proto.HealthRequest) (*proto.HealthResponse, error) {
	return allowed(ctx, s, verbHealth, func(ctx context.Context) (*proto.HealthResponse, error) {
		checks, err := s.o.Engine.Health(ctx)
		return &proto.HealthResponse{Checks: wire.Each(checks, wire.FromCheck), Fault: wire.FromError(err)}, nil
	})
}

func (s handler) Inject(ctx context.Context, req *proto.InjectRequest) (*proto.InjectResponse, error) {
	asked, err := wire.ToInject(req)
	if err != nil {
		return nil, s.reject(ctx, string(engine.VerbInject), err)
	}
	w := &Work{Verb: string(engine.VerbInject), Targets: []string{req.GetTarget()}, Reason: req.GetReason()}
	return within(ctx, s, w, func(ctx context.Context) (*proto.InjectResponse, error) {
		done, err := s.o.Engine.Inject(ctx, asked)
		return wire.FromInjected(&done), err
	})
}

func (s handler) Eject(ctx context.Context, req *proto.EjectRequest) (*proto.EjectResponse, error) {
	w := &Work{Verb: string(engine.VerbEject), Targets: []string{req.GetTarget()}, Reason: req.GetReason()}
	return within(ctx, s, w, func(ctx context.Context) (*proto.EjectResponse, error) {
		done, err := s.o.Engine.Eject(ctx, engine.EjectRequest{Target: req.GetTarget(), All: req.GetAll()})
		w.err = err
		return &proto.EjectResponse{Results: wire.Each(done, wire.FromEjected), Fault: wire.FromError(err)}, nil
	})
}

func (s handler) Toolboxes(ctx context.Context, _ *proto.ToolboxesRequest) (*proto.ToolboxesResponse, error) {
	return allowed(ctx, s, verbToolboxes, func(ctx context.Context) (*proto.ToolboxesResponse, error) {
		list, err := s.o.Engine.Toolboxes(ctx)
		return &proto.ToolboxesResponse{Toolboxes: wire.Each(list, wire.FromToolbox), Fault: wire.FromError(err)}, nil
	})
}

func (s handler) ToolboxNames(ctx context.Context, _ *proto.ToolboxNamesRequest) (*proto.ToolboxNamesResponse, error) {
	return allowed(ctx, s, verbToolboxes, func(ctx context.Context) (*proto.ToolboxNamesResponse, error) {
		names, err := s.o.Engine.ToolboxNames(ctx)
		return &proto.ToolboxNamesResponse{Names: wire.Texts(names)}, err
	})
}

func (s handler) VerifyToolbox(ctx context.Context, req *proto.VerifyToolboxRequest) (*proto.VerifyToolboxResponse, error) {
	ref, err := wire.ToRef(req.GetRef())
	if err != nil {
		return nil, s.reject(ctx, verbToolboxes, err)
	}
	var keys []*toolbox.PublicKey
	for _, text := range req.GetKeys() {
		key, err := toolbox.ParsePublicKey(text)
		if err != nil {
			return nil, s.reject(ctx, verbToolboxes, err)
		}
		keys = append(keys, key)
	}
	return allowed(ctx, s, verbToolboxes, func(ctx context.Context) (*proto.VerifyToolboxResponse, error) {
		box, err := s.o.Engine.VerifyToolbox(ctx, ref, keys...)
		return &proto.VerifyToolboxResponse{Toolbox: wire.FromToolbox(box)}, err
	})
}

func (s handler) ImportToolbox(ctx context.Context, req *proto.ImportToolboxRequest) (*proto.ImportToolboxResponse, error) {
	ref, err := wire.ToRef(req.GetRef())
	if err != nil {
		return nil, s.reject(ctx, verbImport, err)
	}
	return allowed(ctx, s, verbImport, func(ctx context.Context) (*proto.ImportToolboxResponse, error) {
		box, err := s.o.Engine.ImportToolbox(ctx, ref)
		return &proto.ImportToolboxResponse{Toolbox: wire.FromToolbox(box)}, err
	})
}

func (s handler) ToolboxSBOM(ctx context.Context, req *proto.ToolboxSBOMRequest) (*proto.ToolboxSBOMResponse, error) {
	ref, err := wire.ToRef(req.GetRef())
	if err != nil {
		return nil, s.reject(ctx, verbToolboxes, err)
	}
	return allowed(ctx, s, verbToolboxes, func(ctx context.Context) (*proto.ToolboxSBOMResponse, error) {
		sbom, err := s.o.Engine.ToolboxSBOM(ctx, ref)
		return &proto.ToolboxSBOMResponse{Sbom: sbom}, err
	})
}

// Sessions lists what is under way: the caller's own, or all that there is if the caller may see
// it.
func (s handler) Sessions(ctx context.Context, _ *proto.SessionsRequest) (*proto.SessionsResponse, error) {
	return atOnce(ctx, s, verbSessions, func(ctx context.Context) (*proto.SessionsResponse, error) {
		return &proto.SessionsResponse{Sessions: s.seen(ctx)}, nil
	})
}

// EndSession ends what is under way, if it is the caller's own or the caller may end others'.
func (s handler) EndSession(ctx context.Context, req *proto.EndSessionRequest) (*proto.EndSessionResponse, error) {
	return atOnce(ctx, s, verbEnd, func(ctx context.Context) (*proto.EndSessionResponse, error) {
		caller := identity.Of(ctx)
		if !s.works.of(req.GetId(), caller) {
			if err := s.allow(ctx, verbSessions, nil); err != nil {
				return nil, err
			}
		}
		if s.works.end(req.GetId(), fmt.Errorf("%s has ended it", caller.Name)) == nil {
			return nil, fault.New(fault.NoSession, req.GetId(), "no session %q is under way", req.GetId())
		}
		return &proto.EndSessionResponse{}, nil
	})
}
