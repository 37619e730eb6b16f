package capture_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture"
	"dlx/internal/testutil"
)

// record captures 3 datagrams on lo and 2 frames of a VLAN from v0 to v1, and returns the file.
func record(t *testing.T) []byte {
	t.Helper()
	enter := namespace(t, veth+"\nip addr add 192.0.2.7/24 dev v0")
	const expr = "udp dst port 9 or ether dst 02:00:00:00:00:02"
	r := start(t, enter, capture.Options{Compile: compile(expr), Filter: expr, Application: "dlx test"})
	send(t, enter, "127.0.0.1:9", 3, 0)
	sendFrames(t, enter, "v0", tagged, 2)
	r.stop()
	<-r.done
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.buf.Bytes()
}

func TestGopacketReads(t *testing.T) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(record(t)), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for {
		_, ci, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		i, err := r.Interface(ci.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprintf("%s of %s: %d bytes", i.Name, i.Description, ci.Length)]++
	}
	v := fmt.Sprintf(" of web: %d bytes", len(tagged))
	if diff := cmp.Diff(map[string]int{"lo of web: 54 bytes": 3, "v0" + v: 2, "v1" + v: 2}, seen); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

// accepted has Wireshark's tools read a file, each of which writes another one.
func accepted(t *testing.T, name string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.pcapng")
	for _, args := range [][]string{{"editcap", name, out}, {"mergecap", "-w", out, name, name}, {"reordercap", name, out}} {
		if text, err := exec.Command(testutil.RequireTool(t, args[0]), args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", args[0], err, text)
		}
	}
}

// TestToolsAccept: what is captured in one container or in several goes through Wireshark's tools,
// also in the files of a rotation.
func TestToolsAccept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.pcapng")
	if err := os.WriteFile(name, record(t), 0o600); err != nil {
		t.Fatal(err)
	}
	accepted(t, name)
	for _, name := range rotated(t) {
		accepted(t, name)
	}
}

func TestTsharkReads(t *testing.T) {
	tshark := testutil.RequireTool(t, "tshark")
	name := filepath.Join(t.TempDir(), "x.pcapng")
	if err := os.WriteFile(name, record(t), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", name, "-Y", "vlan", "-T", "fields", "-e", "frame.interface_name", "-e", "frame.interface_description",
		"-e", "frame.packet_flags_direction", "-e", "vlan.id", "-e", "frame.len").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for line := range strings.Lines(string(out)) {
		seen[strings.TrimSuffix(line, "\n")]++
	}
	want := map[string]int{
		fmt.Sprintf("v0\tweb\t0x00000002\t100\t%d", len(tagged)): 2,
		fmt.Sprintf("v1\tweb\t0x00000001\t100\t%d", len(tagged)): 2,
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("frames of the VLAN (-want +got):\n%s", diff)
	}
}
