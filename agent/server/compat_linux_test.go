package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"dlx/agent/agenttest"
	"dlx/agent/client"
	"dlx/agent/proto"
	"dlx/agent/server"
	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/record/audit"
	"dlx/target"
)

// both is an engine of which more than debug and capture is asked.
type both struct{ *fake }

func (both) List(context.Context) ([]engine.Container, error) {
	return []engine.Container{{Info: target.Info{Name: "web", Image: "shop"}}}, nil
}

func (both) Interfaces(context.Context, string) ([]capture.Interface, error) {
	return []capture.Interface{{Name: "eth0"}}, nil
}

// talking is a session that says what it was asked for, and then what it was told.
func talking() both {
	return both{&fake{debug: func(_ context.Context, req engine.DebugRequest, s engine.Streams) (int, error) {
		s.Restrained(engine.Restraints{Profile: "general"})
		s.Started()
		if _, err := fmt.Fprintf(s.Stdout, "%s %d ", req.Target, req.Memory); err != nil {
			return 0, err
		}
		if _, err := io.Copy(s.Stdout, s.Stdin); err != nil {
			return 0, err
		}
		return 7, nil
	}, capture: func(_ context.Context, to engine.Sink) (engine.CaptureStats, error) {
		return engine.CaptureStats{Captured: 1}, errors.Join(to.Begin(), to.Blocks([]byte("some"), 1, 0))
	}}}
}

// nowhere is a sink of nothing.
type nowhere struct{}

func (nowhere) Begin() error                        { return nil }
func (nowhere) Blocks([]byte, uint64, uint64) error { return nil }

// talk has a session with it.
func talk(t *testing.T, socket string) (said string, code int, told bool, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out bytes.Buffer
	code, err = dial(t, socket).Debug(ctx, engine.DebugRequest{Target: "web", Memory: 5}, engine.Streams{
		Stdin: strings.NewReader("hello"), Stdout: &out, Stderr: io.Discard, Restrained: func(engine.Restraints) { told = true },
	})
	return out.String(), code, told, err
}

// TestVersions: between two versions, what both know works. A field that one of them lacks is as if
// it were not there; a call that one lacks is an error that names both.
func TestVersions(t *testing.T) {
	_, newer := agenttest.Serve(t, server.Options{Engine: talking(), Version: "1.0"})
	socket := agenttest.Older(t, newer,
		"Agent.Sessions", "Agent.EndSession", "Agent.WatchSessions", "Agent.Audit", "Agent.Capture", "DebugRequest.memory", "DebugOutput.restrained", "DebugOutput.session", "Info.image", "DebugStart.reason")

	said, code, told, err := talk(t, socket)
	if said != "web 0 hello" || code != 7 || told || err != nil {
		t.Errorf("debug: %q, exit status %d, %v, restraints told: %t", said, code, err, told)
	}
	c := dial(t, socket)
	if list, err := c.List(t.Context()); err != nil || len(list) != 1 || list[0].Name != "web" || list[0].Image != "" {
		t.Errorf("list: %+v, %v", list, err)
	}
	if list, err := c.Interfaces(t.Context(), "web"); err != nil || len(list) != 1 || list[0].Name != "eth0" {
		t.Errorf("interfaces: %+v, %v", list, err)
	}
	_, sessions := c.Sessions(t.Context())
	watch := c.WatchSessions(t.Context(), func([]client.Session) error { return nil })
	_, record := c.Audit(t.Context(), audit.Filter{}, func(*audit.Entry) error { return nil })
	_, packets := c.Capture(t.Context(), engine.CaptureRequest{Targets: []string{"web"}}, nowhere{})
	for call, err := range map[string]error{"sessions": sessions, "watch": watch, "audit": record, "end": c.EndSession(t.Context(), "x"), "capture": packets} {
		if !errors.Is(err, fault.OldAgent) || !strings.Contains(err.Error(), "version 1.0") || !strings.Contains(err.Error(), "version 2.0") {
			t.Errorf("%s: %v, want fault.OldAgent with both versions", call, err)
		}
	}
	if said, _, told, err := talk(t, newer); said != "web 5 hello" || !told || err != nil {
		t.Errorf("without anything between them: %q, %v, restraints told: %t", said, err, told)
	}
}

// TestWithoutAnyField: whichever field of a session one side lacks, the session ends, and one that
// has succeeded has shown all of its output.
func TestWithoutAnyField(t *testing.T) {
	_, newer := agenttest.Serve(t, server.Options{Engine: talking(), Version: "1.0"})
	for _, name := range []protoreflect.Name{"DebugStart", "DebugRequest", "DebugInput", "DebugOutput", "DebugEnd", "Restraints"} {
		fields := proto.File_agent_proto.Messages().ByName(name).Fields()
		for i := range fields.Len() {
			field := string(name) + "." + string(fields.Get(i).Name())
			switch field {
			case "DebugInput.stdin_end", "DebugOutput.stdin_credit", "DebugOutput.end":
				continue // one side waits, as for a user who types nothing
			}
			t.Run(field, func(t *testing.T) {
				said, code, _, err := talk(t, agenttest.Older(t, newer, field))
				whole := strings.HasSuffix(said, " hello") || field == "DebugInput.stdin" || field == "DebugStart.stdin"
				if errors.Is(err, context.DeadlineExceeded) || err == nil && (!whole || code != 7 && field != "DebugEnd.status") {
					t.Errorf("%q, exit status %d, %v", said, code, err)
				}
			})
		}
	}
}

// TestNewerClient: an agent passes over what a newer client adds.
func TestNewerClient(t *testing.T) {
	_, socket := agenttest.Serve(t, server.Options{Engine: talking(), Version: "1.0"})
	rpc, _ := raw(t, socket)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	stream, err := rpc.Debug(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	later := protowire.AppendString(protowire.AppendTag(nil, 1000, protowire.BytesType), "from later")
	start := &proto.DebugStart{Request: &proto.DebugRequest{Target: "web"}, Stdin: true}
	start.ProtoReflect().SetUnknown(later)
	start.GetRequest().ProtoReflect().SetUnknown(later)
	unknown := &proto.DebugInput{}
	unknown.ProtoReflect().SetUnknown(later)
	for _, m := range []*proto.DebugInput{
		{Input: &proto.DebugInput_Start{Start: start}}, unknown,
		{Input: &proto.DebugInput_Stdin{Stdin: []byte("hello")}}, unknown,
		{Input: &proto.DebugInput_StdinEnd{StdinEnd: true}},
	} {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	var out []byte
	for {
		m, err := stream.Receive()
		if err != nil {
			t.Fatalf("%q, %v", out, err)
		}
		out = append(out, m.GetStdout()...)
		if end := m.GetEnd(); end != nil {
			if string(out) != "web 0 hello" || end.GetStatus() != 7 || end.GetFault() != nil {
				t.Errorf("%q, %v", out, end)
			}
			return
		}
	}
}
