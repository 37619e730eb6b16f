package capture_test

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/internal/testutil"
)

// tunnel makes an interface without a link header, of the given ARPHRD_ type if that is not 0, with
// an address, and up.
func tunnel(t *testing.T, enter capture.Enter, name string, arphrd uintptr) {
	t.Helper()
	tun := &netlink.Tuntap{
		LinkAttrs: netlink.LinkAttrs{Name: name}, Mode: netlink.TUNTAP_MODE_TUN, Flags: netlink.TUNTAP_NO_PI, Queues: 1, NonPersist: true,
	}
	err := enter(func() error {
		if err := netlink.LinkAdd(tun); err != nil {
			return err
		}
		const setLink = 0x400454cd // TUNSETLINK (linux/if_tun.h)
		if arphrd != 0 {
			if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, tun.Fds[0].Fd(), setLink, arphrd); errno != 0 {
				return errno
			}
		}
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		addr, err := netlink.ParseAddr("192.0.2.1/24")
		return errors.Join(err, netlink.AddrAdd(link, addr), netlink.LinkSetUp(link))
	})
	for _, f := range tun.Fds {
		t.Cleanup(func() { f.Close() })
	}
	if errors.Is(err, syscall.ENOENT) {
		testutil.SkipOrFail(t, "needs /dev/net/tun")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTunnel(t *testing.T) {
	enter := namespace(t, "")
	tunnel(t, enter, "tun0", 0)
	r := start(t, enter, capture.Options{Interface: "tun0", Compile: compile("udp dst port 9 and dst host 192.0.2.2")})
	send(t, enter, "192.0.2.2:9", 5, 0)
	packets, _ := r.end()
	if len(packets) != 5 {
		t.Fatalf("%d packets, want 5", len(packets))
	}
	for _, p := range packets {
		if p.Data[0] != 0x45 { // IPv4, its header of 20 bytes first
			t.Errorf("packet % x does not begin with an IP header", p.Data)
		}
	}
}

const arphrdCAN = 280 // linux/if_arp.h

// TestCooked makes an interface look like a CAN bus: its packets get a header of
// LINKTYPE_LINUX_SLL2, and filters work all the same, alone and among other interfaces.
func TestCooked(t *testing.T) {
	enter := namespace(t, "")
	tunnel(t, enter, "can0\x1b", arphrdCAN)
	for _, name := range []string{"can0\x1b", ""} {
		for expr, want := range map[string]int{
			"udp dst port 9": 4, "udp dst port 10": 0, "ip[8] = 64 and udp dst port 9": 4, "outbound and ip dst host 192.0.2.2": 4, "inbound and udp port 9": 0,
		} {
			r := start(t, enter, capture.Options{Interface: name, Compile: compile(expr), SnapLen: 40})
			send(t, enter, "192.0.2.2:9", 4, 100)
			packets, names := r.end()
			if len(packets) != want {
				t.Errorf("%q: %d packets, want %d", expr, len(packets), want)
			}
			for i, p := range packets {
				cooked := []byte{8, 0, 0, 0, 0, 0, 0, p.Data[7], arphrdCAN >> 8, arphrdCAN & 0xff, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x45}
				if names[i] != "can0\x1b" || len(p.Data) != 40 || p.Length != 20+20+8+112 || !bytes.HasPrefix(p.Data, cooked) {
					t.Errorf("%q: %d bytes of %d on %q: % x", expr, len(p.Data), p.Length, names[i], p.Data)
				}
			}
		}
	}
}

// TestNoProgram: an interface that a filter makes no sense for is left out, and named, among
// others; asked for by name it is an error.
func TestNoProgram(t *testing.T) {
	enter := namespace(t, "")
	tunnel(t, enter, "tun0\x1b", 0)
	const expr = "ether dst 02:00:00:00:00:01"
	c := open(t, enter, capture.Options{RingSize: 1 << 20, Compile: compile(expr)})
	stats, err := c.Run(canceled(t), capture.ToWriter(io.Discard))
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	var bad *filter.Error
	if len(stats.Skipped) != 1 || stats.Skipped[0].Interface != `tun0\x1b` || !errors.As(stats.Skipped[0].Why, &bad) {
		t.Errorf("skipped %v, want tun0 and the filter's error", stats.Skipped)
	}
	if _, err := openErr(enter, capture.Options{Interface: "tun0\x1b", Compile: compile(expr)}); !errors.As(err, &bad) {
		t.Errorf("error %v, want the filter's", err)
	}
}
