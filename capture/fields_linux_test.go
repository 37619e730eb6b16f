package capture_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture"
	"dlx/capture/pcapng"
	"dlx/capture/savefile"
	"dlx/internal/testutil"
)

// rotated captures in two containers, one of which was restarted, into files of some 2 kB, and
// returns their names. Names of addresses are those of an interface, and one that the caller knows
// and no packet has.
func rotated(t *testing.T) []string {
	t.Helper()
	web := namespace(t, "ip link add v0 type veth peer name v1\nip addr add 192.0.2.7/24 dev v0\nip link set v0 up\nip link set v1 up")
	db := namespace(t, "")
	const expr = "udp dst port 9"
	c, err := capture.New(capture.Options{Compile: compile(expr), Filter: expr, Application: "dlx test", RingSize: 1 << 20, Latency: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	c.Name(pcapng.Name{Address: netip.MustParseAddr("192.0.2.8"), Names: []string{"cache"}})
	for _, s := range []capture.Source{{Enter: web, Name: "web", Image: "shop:1", Comment: "web was restarted"}, {Enter: db, Name: "db"}} {
		if _, err := c.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	w, err := savefile.Open(savefile.Options{Name: filepath.Join(dir, "x.pcapng"), MaxBytes: 2000})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), limit)
	defer stop()
	done := make(chan error)
	go func() {
		_, err := c.Run(ctx, w)
		done <- errors.Join(err, w.Close(), c.Close())
	}()
	testutil.Wait(t, "some files", limit, func() bool {
		send(t, web, "192.0.2.7:9", 1, 0) // through lo, as all that is for an own address
		send(t, db, "127.0.0.1:9", 1, 0)
		return w.Figures().Files >= 3
	})
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) < 3 {
		t.Fatalf("files %q, %v", names, err)
	}
	return names
}

// TestFields: every file of a rotation says all that there is to say, in the words of Wireshark.
func TestFields(t *testing.T) {
	tshark := testutil.RequireTool(t, "tshark")
	id := 0
	for n, name := range rotated(t) {
		out, err := exec.Command(tshark, "-r", name, "-N", "n", "-T", "fields", "-e", "frame.packet_id", "-e", "frame.interface_name",
			"-e", "frame.interface_description", "-e", "frame.packet_flags_direction", "-e", "ip.dst_host", "-e", "frame.comment").Output()
		if err != nil {
			t.Fatal(err)
		}
		comments := 0
		for line := range strings.Lines(string(out)) {
			id++
			f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			number, err := strconv.ParseUint(f[0], 0, 64)
			if err != nil || number != uint64(id) {
				t.Errorf("%s: packet %q, %v, want number %d", name, f[0], err, id)
			}
			host := map[string]string{"web, image shop:1": "web", "db": "127.0.0.1"}[f[2]]
			if diff := cmp.Diff([]string{"lo", "0x00000001", host}, []string{f[1], f[3], f[4]}); diff != "" {
				t.Errorf("%s: packet of %q (-want +got):\n%s", name, f[2], diff)
			}
			if f[5] == "web was restarted" {
				comments++
			}
		}
		if want := map[bool]int{true: 1}[n == 0]; comments != want {
			t.Errorf("%s: %d packets tell of the restart, want %d", name, comments, want)
		}
		checkHead(t, name)
	}
}

// checkHead checks what a file says before and after its packets.
func checkHead(t *testing.T, name string) {
	t.Helper()
	out, err := exec.Command(testutil.RequireTool(t, "capinfos"), name).Output()
	if err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]int{
		"Capture application: dlx test": 1, "Capture oper-sys:    Linux": 1, "Name = lo": 2, "Filter string = udp dst port 9": 4,
		"Time resolution = 0x09": 4, "Description = web, image shop:1": 3, "Description = db": 1, "Operating system = Linux": 4, "Comment = web was restarted": 3,
	} {
		if got := strings.Count(string(out), want); got != n {
			t.Errorf("%s: %q %d times, want %d:\n%s", name, want, got, n, out)
			return
		}
	}
	if strings.Contains(string(out), "Number of stat entries = 0") {
		t.Errorf("%s: an interface without figures:\n%s", name, out)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r := pcapng.NewReader(bytes.NewReader(data))
	for err == nil {
		_, err = r.Next()
	}
	for address, want := range map[string][]string{"192.0.2.7": {"web"}, "192.0.2.8": nil} {
		if diff := cmp.Diff(want, r.Names(netip.MustParseAddr(address))); diff != "" {
			t.Errorf("%s: names of %s (-want +got):\n%s", name, address, diff)
		}
	}
	ng, err := pcapgo.NewNgReader(bytes.NewReader(data), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = ng.ReadPacketData()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("%s: gopacket reads up to %v", name, err)
	}
}

// TestLostFields: tshark shows the lost packets at the one after the gap.
func TestLostFields(t *testing.T) {
	tshark := testutil.RequireTool(t, "tshark")
	file, dropped := lossy(t)
	name := filepath.Join(t.TempDir(), "x.pcapng")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", name, "-Y", "frame.drop_count", "-T", "fields", "-e", "frame.drop_count").Output()
	if err != nil {
		t.Fatal(err)
	}
	total := uint64(0)
	for line := range strings.Lines(string(out)) {
		n, err := strconv.ParseUint(strings.TrimSpace(line), 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total != dropped || dropped == 0 {
		t.Errorf("tshark shows %d lost packets of %d", total, dropped)
	}
}
