package capture_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/bpf"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/internal/testutil"
)

// ethernet is a frame from v0 to v1: EtherTypes with the tag control information of each but the
// last one, and a payload.
func ethernet(payload []byte, types ...uint16) []byte {
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	for _, n := range types {
		f = binary.BigEndian.AppendUint16(f, n)
	}
	return append(f, payload...)
}

// datagram is a UDP datagram in IPv4 from 192.0.2.1 to 192.0.2.2.
func datagram(port uint16) []byte {
	p := []byte{0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39}
	p = binary.BigEndian.AppendUint16(p, port)
	return append(p, append([]byte{0, 26, 0, 0}, "eighteen bytes ...."[:18]...)...)
}

// vlanFrames are frames without a tag, with one, and with two.
var vlanFrames = map[string][]byte{
	"plain 9":       ethernet(datagram(9), 0x0800),
	"plain 10":      ethernet(datagram(10), 0x0800),
	"100 9":         ethernet(datagram(9), 0x8100, 100, 0x0800),
	"100 10":        ethernet(datagram(10), 0x8100, 100, 0x0800),
	"200 9":         ethernet(datagram(9), 0x8100, 0x2000|200, 0x0800),
	"0 9":           ethernet(datagram(9), 0x8100, 0, 0x0800),
	"service 100":   ethernet(datagram(9), 0x88a8, 100, 0x0800),
	"service 100 5": ethernet(datagram(9), 0x88a8, 100, 0x8100, 5, 0x0800),
	"100 5":         ethernet(datagram(9), 0x8100, 100, 0x8100, 5, 0x0800),
	"100 arp":       ethernet(make([]byte, 46), 0x8100, 100, 0x0806),
	"test":          ethernet(make([]byte, 46), 0x88b5),
}

// vlanFilters are expressions, each with the alternative in it that no vlan stands before, if any.
var vlanFilters = map[string]string{
	"vlan": "", "vlan 100": "", "vlan 200": "", "vlan 0": "", "vlan 100 and udp port 9": "", "vlan and udp port 10": "", "vlan and vlan": "",
	"vlan 100 and vlan 5": "", "vlan 100 and vlan 5 and udp dst port 9": "", "vlan and arp": "", "vlan and host 192.0.2.1": "",
	"vlan and ip[8] = 64": "", "vlan and udp[2:2] = 10": "", "vlan or vlan": "", "vlan and len > 10": "", "udp port 9": "udp port 9",
	"ether src 02:00:00:00:00:01 and vlan 200": "", "ip or vlan 200": "ip", "udp port 9 or (vlan and udp port 9)": "udp port 9",
}

// TestVLAN captures on both ends of a veth pair. The kernel takes tags out of received frames
// before the filter sees them. The live program has to let through what the program for files does
// of the frames as sent. Primitives without a vlan before them see received frames without their
// first tag. The live program has to be tcpdump's.
func TestVLAN(t *testing.T) {
	tcpdump := testutil.RequireTool(t, "tcpdump")
	enter := namespace(t, veth)
	for expr, before := range vlanFilters {
		vm, outerVM := fileVM(t, expr), fileVM(t, before)
		ends := map[string]*running{}
		for _, name := range []string{"v0", "v1"} {
			ends[name] = start(t, enter, capture.Options{Interface: name, Compile: compile(expr), RingSize: 1 << 20})
		}
		want := map[string][]string{}
		for name, f := range vlanFrames {
			sendFrames(t, enter, "v0", f, 1)
			whole, outer := matches(t, vm, f), false
			if before != "" && (f[12] == 0x81 || f[13] == 0xa8) {
				outer = matches(t, outerVM, slices.Concat(f[:12], f[16:]))
			}
			if whole {
				want["v0"] = append(want["v0"], name)
			}
			if whole || outer {
				want["v1"] = append(want["v1"], name)
			}
		}
		for name, r := range ends {
			slices.Sort(want[name])
			packets, _ := r.end()
			var got []string
			for _, p := range packets {
				for what, f := range vlanFrames {
					if bytes.Equal(p.Data, f) {
						got = append(got, what)
					}
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want[name]) || len(packets) != len(got) {
				t.Errorf("%s: %q: %d packets, of ours %q; want %q", name, expr, len(packets), got, want[name])
			}
		}
		sameAsTcpdump(t, enter, tcpdump, expr)
	}
}

// fileVM runs an expression's program for files.
func fileVM(t *testing.T, expr string) *bpf.VM {
	t.Helper()
	p, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet})
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(p.Instructions())
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func matches(t *testing.T, vm *bpf.VM, frame []byte) bool {
	t.Helper()
	n, err := vm.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// sameAsTcpdump compares a live program with the one of tcpdump -i.
func sameAsTcpdump(t *testing.T, enter capture.Enter, tcpdump, expr string) {
	t.Helper()
	var out []byte
	err := enter(func() (err error) {
		out, err = exec.CommandContext(t.Context(), tcpdump, "-i", "v1", "-ddd", "--", expr).Output()
		return err
	})
	if err != nil {
		t.Fatalf("tcpdump -d %q: %v", expr, err)
	}
	p, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet, Extensions: filter.Live})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Decimal(); got != string(out) {
		t.Errorf("the live program of %q is\n%s\ntcpdump's\n%s", expr, got, out)
	}
}

// TestDirection captures at one end of a veth pair what comes and what goes.
func TestDirection(t *testing.T) {
	enter := namespace(t, veth)
	frame := ethernet(make([]byte, 46), 0x88b5)
	for expr, want := range map[string]int{"inbound": 3, "outbound": 5, "inbound or outbound": 8, "ether proto 0x88b5": 8} {
		r := start(t, enter, capture.Options{Interface: "v1", Compile: compile(expr + " and ether proto 0x88b5"), RingSize: 1 << 20})
		sendFrames(t, enter, "v0", frame, 3)
		sendFrames(t, enter, "v1", frame, 5)
		if packets, _ := r.end(); len(packets) != want {
			t.Errorf("%s: %d packets, want %d", expr, len(packets), want)
		}
	}
}

// TestIPBroadcast takes the network mask of the interface.
func TestIPBroadcast(t *testing.T) {
	enter := namespace(t, veth+"\nip addr add 192.0.2.1/28 dev v0")
	r := start(t, enter, capture.Options{Interface: "v0", Compile: compile("ip broadcast"), RingSize: 1 << 20})
	for last, name := range map[byte]string{0: "network", 15: "broadcast", 14: "host", 17: "another network's"} {
		f := slices.Clone(vlanFrames["plain 9"])
		f[14+19] = last
		sendFrames(t, enter, "v0", append(f, name...), 1)
	}
	packets, _ := r.end()
	if len(packets) != 2 {
		t.Errorf("%d packets, want those to the network's first and last address", len(packets))
	}
	_, err := openErr(enter, capture.Options{Interface: "v1", Compile: compile("ip broadcast")})
	if err == nil || !strings.Contains(err.Error(), "network mask") {
		t.Errorf("error %v for an interface without an address", err)
	}
}

// TestFilterUnderTraffic opens captures while datagrams to two ports flow.
// Only the filter's may get in.
func TestFilterUnderTraffic(t *testing.T) {
	enter := namespace(t, "")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := enter(func() error {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				return err
			}
			defer conn.Close()
			for n := range 1 << 22 { // it ends by itself
				select {
				case <-stop:
					return nil
				default:
				}
				to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(9+n%2))
				if _, err := conn.WriteToUDPAddrPort(fmt.Appendf(nil, "number %d", n), to); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	for range 10 {
		r := start(t, enter, capture.Options{Interface: "lo", Compile: compile("udp dst port 9"), Count: 200, RingSize: 1 << 20})
		<-r.done
		packets, _ := r.end()
		for _, p := range packets {
			if port := binary.BigEndian.Uint16(p.Data[14+20+2:]); port != 9 {
				t.Errorf("a packet to port %d got through", port)
				break
			}
		}
		if len(packets) != 200 {
			t.Errorf("%d packets, want 200", len(packets))
		}
	}
	close(stop)
	wg.Wait()
}
