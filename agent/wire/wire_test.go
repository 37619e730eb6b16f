package wire_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	protobuf "google.golang.org/protobuf/proto"

	"dlx/agent/proto"
	"dlx/agent/wire"
	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/target"
	"dlx/toolbox"
)

// filler gives every exported field a value of its own.
type filler struct{ n int }

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(f.n), 0).UTC()))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(f.n)})))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(f.n)}), 80)))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(f.n)}), 24)))
		return
	case capture.Direction:
		v.Set(reflect.ValueOf(capture.Out))
		return
	case error:
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.n % 256))
	case reflect.Slice:
		f.slice(v)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"key": "value"}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i))
			}
		}
	}
}

func (f *filler) slice(v reflect.Value) {
	if v.Type().Elem() == reflect.TypeFor[engine.ToolboxRef]() {
		v.Set(reflect.ValueOf([]engine.ToolboxRef{engine.ToolboxName("a"), engine.ToolboxFile("/b")}))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 2, 2))
	for i := range 2 {
		f.fill(v.Index(i))
	}
}

// same fills a value, sends it there and back over the bytes of its message, and wants it whole but
// for some fields.
func same[T any, M protobuf.Message](t *testing.T, from func(T) M, to func(M) T, without ...string) {
	t.Helper()
	var want, zero T
	(&filler{}).fill(reflect.ValueOf(&want).Elem())
	message := from(want)
	data, err := protobuf.Marshal(message)
	if err != nil {
		t.Fatalf("%T: %v", want, err)
	}
	got := reflect.New(reflect.TypeOf(message).Elem()).Interface().(M)
	if err := protobuf.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	ignore := cmp.FilterPath(func(p cmp.Path) bool {
		for _, name := range without {
			if p.Last().String() == "."+name {
				return true
			}
		}
		return false
	}, cmp.Ignore())
	options := []cmp.Option{ignore, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}), cmpopts.IgnoreUnexported(toolbox.Part{})}
	if diff := cmp.Diff(want, to(got), options...); diff != "" {
		t.Errorf("%T (-there +back):\n%s", want, diff)
	}
	_ = to(from(zero)) // nothing is missed in an empty one
}

// must is for conversions that can fail, and do not here.
func must[A, B any](t *testing.T, f func(A) (B, error)) func(A) B {
	return func(a A) B {
		b, err := f(a)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// TestWhole: nothing of an engine's types is lost on the way, but for what is left out on purpose.
func TestWhole(t *testing.T) {
	info := []string{"Env", "Cgroup", "Place", "Awaited"} // of a container, for the engine's own use
	same(t, must(t, func(r engine.DebugRequest) (*proto.DebugRequest, error) { return wire.FromDebug(&r) }), must(t, wire.ToDebug))
	same(t, must(t, func(r engine.CaptureRequest) (*proto.CaptureRequest, error) { return wire.FromCapture(&r) }), must(t, wire.ToCapture), "User")
	same(t, must(t, func(r engine.InjectRequest) (*proto.InjectRequest, error) { return wire.FromInject(&r) }), must(t, wire.ToInject))
	same(t, func(i target.Info) *proto.Info { return wire.FromInfo(&i) }, wire.ToInfo, info...)
	same(t, wire.FromContainer, wire.ToContainer, info...)
	same(t, wire.FromNetNamespace, wire.ToNetNamespace)
	same(t, wire.FromInterface, wire.ToInterface)
	same(t, wire.FromCheck, wire.ToCheck)
	same(t, wire.FromKept, wire.ToKept, "SHA256") // which is hexadecimal digits
	same(t, func(s engine.CaptureStats) *proto.CaptureStats { return wire.FromStats(&s) }, wire.ToStats)
	same(t, func(r engine.InjectResult) *proto.InjectResponse { return wire.FromInjected(&r) }, wire.ToInjected)
	same(t, wire.FromEjected, wire.ToEjected)
	same(t, wire.FromToolbox, wire.ToToolbox)
	same(t, wire.FromPart, wire.ToPart)
	same(t, wire.FromRestraints, wire.ToRestraints)
	same(t, wire.FromHoldNews, wire.ToHoldNews)
	same(t, func(s target.Still) *proto.Still { return wire.FromStill(&s) }, func(m *proto.Still) target.Still { return *wire.ToStill(m) },
		"Cgroup", "Place", "Awaited", "Dirs", "Merged", "Only", "Without", "Label", "NoNewPrivs", "UIDs", "GIDs")
}

// TestAnyBytes: what is no UTF-8 goes over the wire: commands as they are, what is for people with
// U+FFFD in it.
func TestAnyBytes(t *testing.T) {
	m, err := wire.FromDebug(&engine.DebugRequest{Target: "a\xff", Command: []string{"\xff"}, Env: []string{"A=\xfe"}, Dir: "/\xfd"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := protobuf.Marshal(m); err != nil {
		t.Error(err)
	}
	r, err := wire.ToDebug(m)
	if err != nil || r.Target != "a\ufffd" || r.Command[0] != "\xff" || r.Env[0] != "A=\xfe" || r.Dir != "/\xfd" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := protobuf.Marshal(wire.FromError(fault.New(fault.NotFound, "\xff", "no \xff").With("\xff"))); err != nil {
		t.Error(err)
	}
}

// TestErrors: the kinds of an error's whole tree come over, and why its client has cancelled it.
func TestErrors(t *testing.T) {
	inner := fault.New(fault.NoLayer, "x", "inner")
	err := fault.In("debug", "web", fmt.Errorf("outer: %w", errors.Join(fault.New(fault.NotFound, "web", "first").With("a", "b"), inner)))
	got := wire.ToError(wire.FromError(err), nil)
	if got.Error() != err.Error() || !errors.Is(got, fault.NotFound) || !errors.Is(got, fault.NoLayer) || errors.Is(got, fault.Refused) {
		t.Errorf("%v (%T)", got, got)
	}
	if f := fault.Of(got); f.Op != "debug" || f.Target != "web" || len(f.Detail) != 2 {
		t.Errorf("%+v", f)
	}
	got = wire.ToError(wire.FromError(fmt.Errorf("the session: %w", wire.ErrByClient)), context.Canceled)
	if !errors.Is(got, context.Canceled) || got.Error() != "the session: context canceled" {
		t.Errorf("%v", got)
	}
	if got := wire.ToError(wire.FromError(errors.New("x")), context.Canceled); errors.Is(got, context.Canceled) {
		t.Errorf("%v is not the client's doing", got)
	}
	if wire.ToError(wire.FromError(nil), context.Canceled) != nil {
		t.Error("nil does not stay nil")
	}
}
