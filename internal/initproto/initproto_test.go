package initproto_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/initproto"
)

func TestRecord(t *testing.T) {
	for _, want := range []initproto.Record{{Kind: initproto.Started}, {Kind: initproto.Exited, Value: 0x0700}, {Kind: initproto.NoDir, Value: 2}} {
		var b bytes.Buffer
		if err := want.Write(&b); err != nil {
			t.Fatal(err)
		}
		got, err := initproto.Read(&b)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	}
	for _, bad := range [][]byte{nil, {1, 0, 0}, make([]byte, 8), bytes.Repeat([]byte{0xff}, 8)} {
		if rec, err := initproto.Read(bytes.NewReader(bad)); err == nil {
			t.Errorf("% x is read as %+v", bad, rec)
		}
	}
}

func TestArgs(t *testing.T) {
	tty, dir, command, ok := initproto.ParseArgs(initproto.Args(true, "/x", []string{"a", "b"}))
	if diff := cmp.Diff([]string{"a", "b"}, command); !tty || dir != "/x" || !ok || diff != "" {
		t.Errorf("%v %q %v (-want +got):\n%s", tty, dir, ok, diff)
	}
	if _, _, _, ok := initproto.ParseArgs([]string{"dlx-init"}); ok {
		t.Error("too few arguments are taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 0, 7, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if rec, err := initproto.Read(bytes.NewReader(data)); err == nil && (rec.Kind < initproto.Started || rec.Kind > initproto.NoDir) {
			t.Errorf("%+v", rec)
		}
	})
}
