package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlx/agent/agenttest"
	"dlx/agent/client"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// liar is an agent that says what a test wants it to.
type liar struct {
	protoconnect.UnimplementedAgentHandler
	debug   func(protoconnect.AgentDebugServerStream) error
	capture func(protoconnect.AgentCaptureServerStream) error
}

func (l *liar) Hello(context.Context, *proto.HelloRequest) (*proto.HelloResponse, error) {
	return &proto.HelloResponse{Version: "0.9"}, nil
}

func (l *liar) Debug(_ context.Context, s protoconnect.AgentDebugServerStream) error {
	return l.debug(s)
}

func (l *liar) Capture(_ context.Context, s protoconnect.AgentCaptureServerStream) error {
	return l.capture(s)
}

// ask is a client of an agent.
func ask(t *testing.T, agent protoconnect.AgentHandler) *client.Client {
	t.Helper()
	a, err := client.ParseAddress("unix://" + agenttest.Answer(t, agent))
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Options{Address: a, Version: "1.0"})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func output(text string) *proto.DebugOutput {
	return &proto.DebugOutput{Output: &proto.DebugOutput_Stdout{Stdout: []byte(text)}}
}

// hello is told as the output that a session has had.
func hello() *proto.DebugOutput {
	sum := sha256.Sum256([]byte("hello"))
	return &proto.DebugOutput{Output: &proto.DebugOutput_End{End: &proto.DebugEnd{Bytes: 5, Sha256: sum[:]}}}
}

// TestEnd: only a session whose end was told, and whose output has come as it was sent, has
// succeeded.
func TestEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		send []*proto.DebugOutput
		want error
	}{
		"whole":          {[]*proto.DebugOutput{output("he"), output("llo"), hello()}, nil},
		"without an end": {[]*proto.DebugOutput{output("hello")}, fault.Cut},
		"nothing at all": {nil, fault.Cut},
		"fewer bytes":    {[]*proto.DebugOutput{output("hell"), hello()}, fault.Cut},
		"other bytes":    {[]*proto.DebugOutput{output("jello"), hello()}, fault.Cut},
		"no digest":      {[]*proto.DebugOutput{{Output: &proto.DebugOutput_End{End: &proto.DebugEnd{}}}}, fault.Cut},
		"one from later": {[]*proto.DebugOutput{{}, output("hello"), hello()}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := ask(t, &liar{debug: func(s protoconnect.AgentDebugServerStream) error {
				for _, m := range tt.send {
					if err := s.Send(m); err != nil {
						return err
					}
				}
				return nil
			}})
			_, err := c.Debug(t.Context(), engine.DebugRequest{Target: "web"}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// TestCaptureEnd is TestEnd for captures, whose parts come as whole blocks.
func TestCaptureEnd(t *testing.T) {
	blocks := func(text string, more bool) *proto.CaptureOutput {
		return &proto.CaptureOutput{Output: &proto.CaptureOutput_Blocks{Blocks: &proto.Blocks{Data: []byte(text), More: more, Packets: 1}}}
	}
	ended := func(of string) *proto.CaptureOutput {
		sum := sha256.Sum256([]byte(of))
		return &proto.CaptureOutput{Output: &proto.CaptureOutput_End{End: &proto.CaptureEnd{Bytes: uint64(len(of)), Sha256: sum[:]}}}
	}
	for name, tt := range map[string]struct {
		send []*proto.CaptureOutput
		want error
		got  string
	}{
		"whole":       {[]*proto.CaptureOutput{blocks("ab", true), blocks("cd", false), blocks("e", false), ended("abcde")}, nil, "abcd|e|"},
		"cut":         {[]*proto.CaptureOutput{blocks("ab", false)}, fault.Cut, "ab|"},
		"half a part": {[]*proto.CaptureOutput{blocks("ab", true)}, fault.Cut, ""},
		"other bytes": {[]*proto.CaptureOutput{blocks("ab", false), ended("cd")}, fault.Cut, "ab|"},
	} {
		t.Run(name, func(t *testing.T) {
			c := ask(t, &liar{capture: func(s protoconnect.AgentCaptureServerStream) error {
				for _, m := range tt.send {
					if err := s.Send(m); err != nil {
						return err
					}
				}
				return nil
			}})
			var got strings.Builder
			_, err := c.Capture(t.Context(), engine.CaptureRequest{Targets: []string{"web"}}, sink{&got})
			if !errors.Is(err, tt.want) || got.String() != tt.got {
				t.Errorf("%v and %q, want %v and %q", err, got.String(), tt.want, tt.got)
			}
		})
	}
}

type sink struct{ to *strings.Builder }

func (sink) Begin() error { return nil }

func (s sink) Blocks(b []byte, _, _ uint64) error {
	s.to.Write(append(bytes.Clone(b), '|'))
	return nil
}

// TestOldAgent: what an agent does not know yet is an error that names both versions.
func TestOldAgent(t *testing.T) {
	_, err := ask(t, &liar{}).Eject(t.Context(), engine.EjectRequest{Target: "web"})
	f := fault.Of(err)
	if !errors.Is(err, fault.OldAgent) || !strings.Contains(err.Error(), "0.9") || !strings.Contains(err.Error(), "1.0") || len(f.Detail) != 2 {
		t.Errorf("%v, want fault.OldAgent with both versions", err)
	}
}

// TestNoAgent: where nobody listens the error says so.
func TestNoAgent(t *testing.T) {
	a, err := client.ParseAddress("unix://" + filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Options{Address: a})
	defer c.Close()
	if _, err := c.List(t.Context()); !errors.Is(err, fault.NoAgent) {
		t.Errorf("list: %v, want fault.NoAgent", err)
	}
	if _, err := c.Debug(t.Context(), engine.DebugRequest{Target: "web"}, engine.Streams{}); !errors.Is(err, fault.NoAgent) {
		t.Errorf("debug: %v, want fault.NoAgent", err)
	}
	if _, err := c.Capture(t.Context(), engine.CaptureRequest{Targets: []string{"web"}}, sink{new(strings.Builder)}); !errors.Is(err, fault.NoAgent) {
		t.Errorf("capture: %v, want fault.NoAgent", err)
	}
	for _, text := range []string{"", "unix://", "unix://relative", "/run/dlx", "tcp://x", "unix:/x", "host", ":1", "ssh://", "ssh://-oProxyCommand=x", "ssh://a b", "ssh://u:p@h", "ssh://h/a;b", "ssh://h?x", "http://h:1"} {
		if _, err := client.ParseAddress(text); !errors.Is(err, fault.BadAgent) {
			t.Errorf("%q: %v, want fault.BadAgent", text, err)
		}
	}
}

// TestNeverEnds: an agent that ends nothing, and takes nothing any more, keeps nobody who has had
// enough.
func TestNeverEnds(t *testing.T) {
	defer client.EndLimit(time.Second)()
	over := make(chan struct{})
	c := ask(t, &liar{
		debug: func(s protoconnect.AgentDebugServerStream) error {
			for range 4 { // more than fits between the two
				if err := s.Send(&proto.DebugOutput{Output: &proto.DebugOutput_StdinCredit{StdinCredit: 1 << 20}}); err != nil {
					return err
				}
			}
			_ = s.Send(&proto.DebugOutput{Output: &proto.DebugOutput_Started{Started: true}})
			<-over
			return nil
		},
		capture: func(s protoconnect.AgentCaptureServerStream) error {
			_ = s.Send(&proto.CaptureOutput{Output: &proto.CaptureOutput_Began{Began: true}})
			<-over
			return nil
		},
	})
	defer close(over)
	enough := errors.New("enough")
	for name, work := range map[string]func(ctx context.Context, begun func()) error{
		"debug": func(ctx context.Context, begun func()) error {
			endless := strings.NewReader(strings.Repeat("x", 8<<20))
			_, err := c.Debug(ctx, engine.DebugRequest{Target: "web"}, engine.Streams{Stdin: endless, Stdout: io.Discard, Stderr: io.Discard, Started: begun})
			return err
		},
		"capture": func(ctx context.Context, begun func()) error {
			_, err := c.Capture(ctx, engine.CaptureRequest{Targets: []string{"web"}}, onBegin(begun))
			return err
		},
		"a sink that fails": func(_ context.Context, begun func()) error {
			begun()
			_, err := c.Capture(context.Background(), engine.CaptureRequest{Targets: []string{"web"}}, broken{enough})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			result := make(chan error, 1)
			go func() { result <- work(ctx, func() { cancel(enough) }) }()
			select {
			case err := <-result:
				if !errors.Is(err, enough) && !errors.Is(err, fault.Cut) {
					t.Errorf("%v, want what was enough, or fault.Cut", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("it goes on")
			}
		})
	}
}

// onBegin is a sink that calls a function when the capture is on.
type onBegin func()

func (f onBegin) Begin() error                      { f(); return nil }
func (onBegin) Blocks([]byte, uint64, uint64) error { return nil }

// broken is a sink that fails at once.
type broken struct{ err error }

func (b broken) Begin() error                      { return b.err }
func (broken) Blocks([]byte, uint64, uint64) error { return nil }
