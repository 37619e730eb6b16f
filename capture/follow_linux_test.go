package capture_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"dlx/capture"
	"dlx/capture/pcapng"
	"dlx/internal/testutil"
)

// ip runs commands of ip(8) inside the namespace, after which its interfaces are settled.
func ip(t *testing.T, enter capture.Enter, commands ...string) {
	t.Helper()
	err := enter(func() error {
		out, err := exec.Command("sh", "-exc", "ip "+strings.Join(commands, "\nip ")+"\n"+settled).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// byInterface counts the packets with the data.
func byInterface(packets []pcapng.Packet, names []string, data []byte) map[string]int {
	seen := map[string]int{}
	for i, p := range packets {
		if bytes.Equal(p.Data, data) {
			seen[fmt.Sprintf("%s %d", names[i], p.Direction)]++
		}
	}
	return seen
}

// TestComingAndGoing: interfaces appear, are renamed and vanish during a capture. They are captured
// from their first packet to their last, under the names that they had.
func TestComingAndGoing(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Compile: compile("ether proto 0x88b5")})
	frame := ethernet(bytes.Repeat([]byte{7}, 46), 0x88b5)
	sent := 0
	for round := range 3 {
		ip(t, enter, "link add a0 type veth peer name a1", "link set a0 up", "link set a1 up")
		sendFrames(t, enter, "a0", frame, 2)
		ip(t, enter, "link set a1 down", fmt.Sprintf("link set a1 name b%d", round), fmt.Sprintf("link set b%d up", round))
		testutil.Wait(t, "packets under the new name", limit, func() bool {
			sendFrames(t, enter, "a0", frame, 1)
			sent++
			return bytes.Contains(r.bytes(), fmt.Appendf(nil, "b%d", round))
		})
		ip(t, enter, "link del a0")
	}
	packets, names := r.end()
	seen := byInterface(packets, names, frame)
	renamed := seen["b0 1"] + seen["b1 1"] + seen["b2 1"]
	if seen["a0 2"] != 6+sent || seen["a1 1"] < 6 || seen["a1 1"]+renamed != 6+sent || len(seen) != 5 {
		t.Errorf("frames by interface and direction: %v; %d of each end were sent, 6 of them under the first name", seen, 6+sent)
	}
}

// TestComesBack: an interface is asked for by name. Another one of that name is captured too.
func TestComesBack(t *testing.T) {
	enter := namespace(t, veth)
	r := start(t, enter, capture.Options{Interface: "v0", Compile: compile("ether proto 0x88b5")})
	frame := ethernet(bytes.Repeat([]byte{7}, 46), 0x88b5)
	sendFrames(t, enter, "v1", frame, 2)
	before := r.size()
	ip(t, enter, "link del v0", "link add v0 type veth peer name v1", "link set v0 up", "link set v1 up")
	testutil.Wait(t, "packets of the new interface", limit, func() bool {
		sendFrames(t, enter, "v1", frame, 1)
		return r.size() > before+1000
	})
	packets, names := r.end()
	if seen := byInterface(packets, names, frame); seen["v0 1"] < 4 || len(seen) != 1 {
		t.Errorf("frames by interface and direction: %v", seen)
	}
}

// TestNewKind: a new kind of interface comes during the capture. It gets the filter's program.
func TestNewKind(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Compile: compile("udp dst port 9")})
	tunnel(t, enter, "tun7", 0)
	n := 0
	testutil.Wait(t, "packets of the tunnel", limit, func() bool {
		send(t, enter, "192.0.2.2:9", 1, 0)
		n++
		return bytes.Contains(r.bytes(), []byte("tun7"))
	})
	send(t, enter, "192.0.2.2:9", 2, 0)
	packets, names := r.end()
	seen := map[string]int{}
	for i, p := range packets {
		if p.Data[0] != 0x45 {
			t.Errorf("packet % x does not begin with an IP header", p.Data)
		}
		seen[names[i]]++
	}
	if len(seen) != 1 || seen["tun7"] < 3 {
		t.Errorf("packets %v of %d, want at least 3 of tun7", seen, n+2)
	}
}

// lossy captures more than there is room for, and returns the file and how many packets were lost.
func lossy(t *testing.T) (file []byte, dropped uint64) {
	t.Helper()
	enter := namespace(t, "")
	const sent, size = 2000, 1000
	r := start(t, enter, capture.Options{Interface: "lo", RingSize: 256 << 10, Compile: compile("udp dst port 9")})
	r.mu.Lock() // its Write waits
	send(t, enter, "127.0.0.1:9", sent, size)
	r.mu.Unlock()
	testutil.Wait(t, "a packet after all gaps", limit, func() bool {
		send(t, enter, "127.0.0.1:9", 1, 0)
		return slices.ContainsFunc(soFar(r.bytes()), func(p pcapng.Packet) bool { return p.Length < size })
	})
	r.stop()
	<-r.done
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.bytes(), r.stats.Dropped
}

// TestDropCount: what was lost is told of at the packet after the gap.
func TestDropCount(t *testing.T) {
	file, dropped := lossy(t)
	if told := dropCount(file); dropped == 0 || told != dropped {
		t.Errorf("packets tell of %d lost ones, the statistics of %d", told, dropped)
	}
}

// dropCount is how many lost packets a file tells of.
func dropCount(file []byte) (n uint64) {
	for _, p := range soFar(file) {
		n += p.Dropped
	}
	return n
}
