package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"

	"dlx/agent/agenttest"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/record/audit"
)

// evil is what a terminal would act upon, or show as something else.
const evil = "\x1b]52;c;ZXZpbA==\x07\x1b[2Jweb\u202e\u009b\r\n"

// corrupt fills all that a message has: strings with what is evil, lists with two of each.
func corrupt(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.ContainingOneof() != nil || depth == 0 && f.Message() != nil:
		case f.IsMap():
			m.Mutable(f).Map().Set(protoreflect.ValueOfString(evil).MapKey(), protoreflect.ValueOfString(evil))
		case f.IsList():
			list := m.Mutable(f).List()
			for range 2 {
				if f.Message() != nil {
					corrupt(list.AppendMutable().Message(), depth-1)
					continue
				}
				list.Append(scalar(f))
			}
		case f.Message() != nil && strings.HasPrefix(string(f.Message().FullName()), "google."):
		case f.Message() != nil:
			corrupt(m.Mutable(f).Message(), depth-1)
		default:
			m.Set(f, scalar(f))
		}
	}
}

func scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(evil)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(evil))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(1)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(1)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(1)
	}
	return protoreflect.ValueOfUint64(1)
}

// full is a message with all of its fields.
func full[M interface{ ProtoReflect() protoreflect.Message }](m M) M {
	corrupt(m.ProtoReflect(), 4)
	return m
}

// lyingAgent tells nothing but what is evil. With faults, what it is asked for has failed as well.
type lyingAgent struct {
	protoconnect.UnimplementedAgentHandler
	faults bool
}

func (l lyingAgent) fault(f **proto.Fault) {
	if !l.faults {
		*f = nil
	}
}

func (l lyingAgent) List(context.Context, *proto.ListRequest) (*proto.ListResponse, error) {
	m := full(&proto.ListResponse{})
	l.fault(&m.Fault)
	return m, nil
}

func (l lyingAgent) Names(context.Context, *proto.NamesRequest) (*proto.NamesResponse, error) {
	m := full(&proto.NamesResponse{})
	l.fault(&m.Fault)
	return m, nil
}

func (l lyingAgent) NetNamespaces(context.Context, *proto.NetNamespacesRequest) (*proto.NetNamespacesResponse, error) {
	m := full(&proto.NetNamespacesResponse{})
	l.fault(&m.Fault)
	return m, nil
}

func (l lyingAgent) Interfaces(context.Context, *proto.InterfacesRequest) (*proto.InterfacesResponse, error) {
	return full(&proto.InterfacesResponse{}), nil
}

func (l lyingAgent) Health(context.Context, *proto.HealthRequest) (*proto.HealthResponse, error) {
	m := full(&proto.HealthResponse{})
	l.fault(&m.Fault)
	return m, nil
}

func (l lyingAgent) Inject(context.Context, *proto.InjectRequest) (*proto.InjectResponse, error) {
	return full(&proto.InjectResponse{}), nil
}

func (l lyingAgent) Eject(context.Context, *proto.EjectRequest) (*proto.EjectResponse, error) {
	m := full(&proto.EjectResponse{})
	l.fault(&m.Fault)
	return m, nil
}

func (l lyingAgent) Toolboxes(context.Context, *proto.ToolboxesRequest) (*proto.ToolboxesResponse, error) {
	m := full(&proto.ToolboxesResponse{})
	l.fault(&m.Fault)
	return m, nil
}

func (l lyingAgent) ToolboxNames(context.Context, *proto.ToolboxNamesRequest) (*proto.ToolboxNamesResponse, error) {
	return full(&proto.ToolboxNamesResponse{}), nil
}

func (l lyingAgent) VerifyToolbox(context.Context, *proto.VerifyToolboxRequest) (*proto.VerifyToolboxResponse, error) {
	return full(&proto.VerifyToolboxResponse{}), nil
}

func (l lyingAgent) Sessions(context.Context, *proto.SessionsRequest) (*proto.SessionsResponse, error) {
	return full(&proto.SessionsResponse{}), nil
}

func (l lyingAgent) DetachCapture(context.Context, *proto.DetachCaptureRequest) (*proto.DetachCaptureResponse, error) {
	return full(&proto.DetachCaptureResponse{}), nil
}

func (l lyingAgent) Captures(context.Context, *proto.CapturesRequest) (*proto.CapturesResponse, error) {
	return full(&proto.CapturesResponse{}), nil
}

func (l lyingAgent) StopCapture(context.Context, *proto.StopCaptureRequest) (*proto.StopCaptureResponse, error) {
	return full(&proto.StopCaptureResponse{}), nil
}

func (l lyingAgent) FetchCapture(_ context.Context, _ *proto.FetchCaptureRequest, s protoconnect.AgentFetchCaptureServerStream) error {
	sum := sha256.Sum256([]byte(evil))
	file := full(&proto.CaptureFile{})
	file.Bytes, file.Sha256 = uint64(len(evil)), sum[:]
	end := full(&proto.FetchEnd{})
	end.Bytes = file.Bytes
	l.fault(&end.Fault)
	return errors.Join(s.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_File{File: file}}),
		s.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_Data{Data: []byte(evil)}}),
		s.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_End{End: end}}))
}

func (l lyingAgent) WatchSessions(_ context.Context, _ *proto.WatchSessionsRequest, s protoconnect.AgentWatchSessionsServerStream) error {
	return s.Send(full(&proto.WatchSessionsResponse{}))
}

func (l lyingAgent) Audit(_ context.Context, _ *proto.AuditRequest, s protoconnect.AgentAuditServerStream) error {
	e := &audit.Entry{
		V: audit.Version, Kind: evil, ID: evil, Verb: evil, Reason: evil, Text: evil, Removed: []string{evil}, Who: &audit.Who{User: evil},
		Target: &audit.Target{Runtime: evil, Name: evil}, Session: &audit.Session{Command: []string{evil}}, Capture: &audit.Capture{Filter: evil},
		Outcome: &audit.Outcome{Error: evil}, Start: &audit.Start{Killed: true, Unfinished: []string{evil}},
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(line)
	end := full(&proto.AuditEnd{})
	end.Bytes, end.Sha256 = uint64(len(line)), sum[:]
	l.fault(&end.Fault)
	return errors.Join(s.Send(&proto.AuditResponse{Output: &proto.AuditResponse_Entry{Entry: line}}), s.Send(&proto.AuditResponse{Output: &proto.AuditResponse_End{End: end}}))
}

func (l lyingAgent) Debug(_ context.Context, s protoconnect.AgentDebugServerStream) error {
	sum := sha256.Sum256(nil)
	end := full(&proto.DebugEnd{})
	end.Bytes, end.Sha256 = 0, sum[:]
	l.fault(&end.Fault)
	for _, m := range []*proto.DebugOutput{
		{Output: &proto.DebugOutput_Still{Still: full(&proto.Still{})}},
		{Output: &proto.DebugOutput_Placed{Placed: full(&proto.Placed{})}},
		{Output: &proto.DebugOutput_LeftOut{LeftOut: full(&proto.LeftOut{})}},
		{Output: &proto.DebugOutput_Restrained{Restrained: full(&proto.Restraints{})}},
		{Output: &proto.DebugOutput_Held{Held: full(&proto.HoldNews{})}},
		{Output: &proto.DebugOutput_Held{Held: &proto.HoldNews{State: "ending", Target: evil, End: evil}}},
		{Output: &proto.DebugOutput_Held{Held: &proto.HoldNews{State: "fault", Target: evil, End: evil}}},
		{Output: &proto.DebugOutput_Began{Began: true}},
		{Output: &proto.DebugOutput_Started{Started: true}},
		{Output: &proto.DebugOutput_End{End: end}},
	} {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func (l lyingAgent) Capture(_ context.Context, s protoconnect.AgentCaptureServerStream) error {
	sum := sha256.Sum256([]byte(evil))
	end := full(&proto.CaptureEnd{})
	end.Bytes, end.Sha256 = uint64(len(evil)), sum[:]
	l.fault(&end.Fault)
	for _, m := range []*proto.CaptureOutput{
		{Output: &proto.CaptureOutput_Began{Began: true}},
		{Output: &proto.CaptureOutput_Blocks{Blocks: &proto.Blocks{Data: []byte(evil), Packets: 1}}},
		{Output: &proto.CaptureOutput_End{End: end}},
	} {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// TestLyingAgent: whatever an agent tells, the user's terminal gets no byte of it that it would act
// upon.
func TestLyingAgent(t *testing.T) {
	for _, faults := range []bool{false, true} {
		socket := agenttest.Answer(t, lyingAgent{faults: faults})
		for _, line := range []string{
			"ps", "ps -o json", "ps --netns", "doctor", "toolbox list", "toolbox verify x", "sessions", "sessions --watch", "sessions --watch -o json", "audit show", "audit show -o json", "debug -v web -- true", "debug --stopped web -- true",
			"debug web -- true", "capture web port 1", "capture -D web", "capture -w - web port 1", "inject web", "eject web", "sessions end x", "__complete debug ''", "captures list", "captures list -o json", "captures stop x", "captures fetch x -w -", "capture --detach web port 1",
			"__complete captures stop ''", "__complete debug netns://", "__complete debug --toolbox ''", "toolbox list --packages", "ps --agent nonsense\x1b",
		} {
			t.Run(line, func(t *testing.T) {
				out, errOut := run(t, "unix://"+socket, strings.Fields(strings.ReplaceAll(line, "''", "\x00")))
				if strings.HasSuffix(line, " -w -") || strings.HasPrefix(line, "capture -w -") {
					out = "" // bytes of a file, which go to no terminal
				}
				if i := strings.IndexFunc(out+errOut, harmful); i >= 0 {
					t.Errorf("at byte %d of %q and %q", i, out, errOut)
				}
			})
		}
	}
}

// harmful says whether a terminal acts upon a rune, other than beginning a line or a column.
func harmful(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}

// run runs a command line in this process, and returns what it writes.
func run(t *testing.T, agent string, args []string) (out, errOut string) {
	t.Helper()
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	// Files, as of a command line: the program that prints a capture writes to them by itself.
	stdout, stderr := newFile(t), newFile(t)
	defer stdout.Close()
	defer stderr.Close()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, newEngine: localEngine, giveUp: func(string, string) error { return nil }}
	t.Setenv("DLX_AGENT", agent)
	for i := range args {
		args[i] = strings.Trim(args[i], "\x00") // one that is empty
	}
	a.run(append([]string{"dlx"}, args...))
	return content(t, stdout), content(t, stderr)
}

func newFile(t *testing.T) *os.File {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func content(t *testing.T, file *os.File) string {
	t.Helper()
	all, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
