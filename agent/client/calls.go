package client

import (
	"context"

	"dlx/agent/proto"
	"dlx/agent/wire"
	"dlx/capture"
	"dlx/engine"
	"dlx/target"
	"dlx/toolbox"
)

// List is engine.Engine's.
func (c *Client) List(ctx context.Context) ([]engine.Container, error) {
	m, err := c.rpc.List(ctx, &proto.ListRequest{})
	if err != nil {
		return nil, c.failed(ctx, "list", "", err)
	}
	return wire.Each(m.GetContainers(), wire.ToContainer), wire.ToError(m.GetFault(), nil)
}

// Names is engine.Engine's.
func (c *Client) Names(ctx context.Context) ([]target.Info, error) {
	m, err := c.rpc.Names(ctx, &proto.NamesRequest{})
	if err != nil {
		return nil, c.failed(ctx, "list", "", err)
	}
	return wire.Each(m.GetNames(), wire.ToInfo), wire.ToError(m.GetFault(), nil)
}

// NetNamespaces is engine.Engine's.
func (c *Client) NetNamespaces(ctx context.Context) ([]engine.NetNamespace, error) {
	m, err := c.rpc.NetNamespaces(ctx, &proto.NetNamespacesRequest{})
	if err != nil {
		return nil, c.failed(ctx, "list", "", err)
	}
	return wire.Each(m.GetNamespaces(), wire.ToNetNamespace), wire.ToError(m.GetFault(), nil)
}

// Interfaces is engine.Engine's.
func (c *Client) Interfaces(ctx context.Context, name string) ([]capture.Interface, error) {
	m, err := c.rpc.Interfaces(ctx, &proto.InterfacesRequest{Target: name, Reason: c.o.Reason})
	if err != nil {
		return nil, c.failed(ctx, "interfaces", name, err)
	}
	return wire.Each(m.GetInterfaces(), wire.ToInterface), nil
}

// Inject is engine.Engine's.
func (c *Client) Inject(ctx context.Context, req engine.InjectRequest) (engine.InjectResult, error) {
	asked, err := wire.FromInject(&req)
	if err != nil {
		return engine.InjectResult{}, err
	}
	asked.Reason = c.o.Reason
	m, err := c.rpc.Inject(ctx, asked)
	if err != nil {
		return engine.InjectResult{}, c.failed(ctx, "inject", req.Target, err)
	}
	return wire.ToInjected(m), nil
}

// Eject is engine.Engine's.
func (c *Client) Eject(ctx context.Context, req engine.EjectRequest) ([]engine.EjectResult, error) {
	m, err := c.rpc.Eject(ctx, &proto.EjectRequest{Target: req.Target, All: req.All, Reason: c.o.Reason})
	if err != nil {
		return nil, c.failed(ctx, "eject", req.Target, err)
	}
	return wire.Each(m.GetResults(), wire.ToEjected), wire.ToError(m.GetFault(), nil)
}

// Toolboxes is engine.Engine's.
func (c *Client) Toolboxes(ctx context.Context) ([]engine.Toolbox, error) {
	m, err := c.rpc.Toolboxes(ctx, &proto.ToolboxesRequest{})
	if err != nil {
		return nil, c.failed(ctx, "toolbox", "", err)
	}
	return wire.Each(m.GetToolboxes(), wire.ToToolbox), wire.ToError(m.GetFault(), nil)
}

// ToolboxNames is engine.Engine's.
func (c *Client) ToolboxNames(ctx context.Context) ([]string, error) {
	m, err := c.rpc.ToolboxNames(ctx, &proto.ToolboxNamesRequest{})
	return m.GetNames(), c.failed(ctx, "toolbox", "", err)
}

// VerifyToolbox is engine.Engine's.
func (c *Client) VerifyToolbox(ctx context.Context, ref engine.ToolboxRef, keys ...*toolbox.PublicKey) (engine.Toolbox, error) {
	asked, err := wire.FromRef(ref)
	if err != nil {
		return engine.Toolbox{}, err
	}
	req := &proto.VerifyToolboxRequest{Ref: asked}
	for _, key := range keys {
		text, err := key.MarshalPEM()
		if err != nil {
			return engine.Toolbox{}, err
		}
		req.Keys = append(req.Keys, text)
	}
	m, err := c.rpc.VerifyToolbox(ctx, req)
	if err != nil {
		return engine.Toolbox{}, c.failed(ctx, "toolbox", "", err)
	}
	return wire.ToToolbox(m.GetToolbox()), nil
}

// ImportToolbox is engine.Engine's.
func (c *Client) ImportToolbox(ctx context.Context, ref engine.ToolboxRef) (engine.Toolbox, error) {
	asked, err := wire.FromRef(ref)
	if err != nil {
		return engine.Toolbox{}, err
	}
	m, err := c.rpc.ImportToolbox(ctx, &proto.ImportToolboxRequest{Ref: asked})
	if err != nil {
		return engine.Toolbox{}, c.failed(ctx, "toolbox", "", err)
	}
	return wire.ToToolbox(m.GetToolbox()), nil
}

// ToolboxSBOM is engine.Engine's.
func (c *Client) ToolboxSBOM(ctx context.Context, ref engine.ToolboxRef) ([]byte, error) {
	asked, err := wire.FromRef(ref)
	if err != nil {
		return nil, err
	}
	m, err := c.rpc.ToolboxSBOM(ctx, &proto.ToolboxSBOMRequest{Ref: asked})
	return m.GetSbom(), c.failed(ctx, "toolbox", "", err)
}

// Health is engine.Engine's.
func (c *Client) Health(ctx context.Context) ([]engine.Check, error) {
	m, err := c.rpc.Health(ctx, &proto.HealthRequest{})
	if err != nil {
		return nil, c.failed(ctx, "health", "", err)
	}
	return wire.Each(m.GetChecks(), wire.ToCheck), wire.ToError(m.GetFault(), nil)
}
