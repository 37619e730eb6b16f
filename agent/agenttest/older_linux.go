package agenttest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	protobuf "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"dlx/agent/proto"
	"dlx/internal/testutil"
)

// Older stands between a client and the agent at a socket, and knows no more than a version of the
// protocol before some calls ("Agent.Sessions") and fields ("DebugRequest.memory"). The client has
// an older agent, and the agent has an older client. It listens at a socket of its own.
func Older(t testing.TB, socket string, before ...string) string {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	newer := connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, "http://agent", connecthttp.WithGRPC()))
	rpc := connect.NewServer()
	agent := olderFile(t, before).Services().ByName("Agent")
	for i := range agent.Methods().Len() {
		m := agent.Methods().Get(i)
		spec := connect.Spec{Schema: m, Procedure: path.Join("/", string(agent.FullName()), string(m.Name()))}
		if m.IsStreamingClient() {
			spec.StreamType |= connect.StreamTypeClient
		}
		if m.IsStreamingServer() {
			spec.StreamType |= connect.StreamTypeServer
		}
		rpc.Register(connect.Method{Spec: spec, Handler: func(ctx context.Context, spec connect.Spec, near connect.ServerStream) error {
			far, err := newer.CallClientStream(ctx, spec)
			if err != nil {
				return err
			}
			return between(near, far, m)
		}})
	}
	mux := http.NewServeMux()
	connecthttp.Mount(mux, rpc)
	return testutil.ServeHTTP2(t, mux)
}

// between passes on what both sides of a call say, as far as an older version knows it.
func between(near connect.ServerStream, far connect.ClientStream, m protoreflect.MethodDescriptor) error {
	defer far.Close()
	said := make(chan struct{})
	go func() {
		defer close(said)
		_ = pass(near.Receive, far.Send, m.Input()) // what is wrong with it, the other side tells
		_ = far.CloseSend()
	}()
	err := pass(far.Receive, near.Send, m.Output())
	if !m.IsStreamingClient() {
		<-said
	}
	return err
}

func pass(from, to func(any) error, kind protoreflect.MessageDescriptor) error {
	for {
		whole := dynamicpb.NewMessage(kind)
		if err := from(whole); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		wire, err := protobuf.Marshal(whole)
		if err != nil {
			return err
		}
		known := dynamicpb.NewMessage(kind)
		if err := (protobuf.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(wire, known); err != nil {
			return err
		}
		if err := to(known); err != nil {
			return err
		}
	}
}

// olderFile is the protocol without some calls and fields.
func olderFile(t testing.TB, before []string) protoreflect.FileDescriptor {
	t.Helper()
	file := protodesc.ToFileDescriptorProto(proto.File_agent_proto)
	left := slices.Clone(before)
	drop := func(of, name string) bool {
		full := of + "." + name
		left = slices.DeleteFunc(left, func(n string) bool { return n == full })
		return slices.Contains(before, full)
	}
	for _, m := range file.GetMessageType() {
		m.Field = slices.DeleteFunc(m.GetField(), func(f *descriptorpb.FieldDescriptorProto) bool { return drop(m.GetName(), f.GetName()) })
	}
	for _, s := range file.GetService() {
		s.Method = slices.DeleteFunc(s.GetMethod(), func(m *descriptorpb.MethodDescriptorProto) bool { return drop(s.GetName(), m.GetName()) })
	}
	if len(left) > 0 {
		t.Fatalf("the protocol has no %s", strings.Join(left, ", "))
	}
	older, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return older
}
