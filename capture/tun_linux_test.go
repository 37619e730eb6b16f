package capture_test

import (
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"dlx/capture"
	"dlx/internal/testutil"
)

// tunnel makes an interface without a link header, of the given ARPHRD_ type if that is not 0, with an address, and up.
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

// TestUnknownLinkType makes an interface look like a CAN bus.
func TestUnknownLinkType(t *testing.T) {
	enter := namespace(t, "")
	const arphrdCAN = 280
	tunnel(t, enter, "can0\x1b", arphrdCAN)
	c, err := capture.Open(enter, capture.Options{RingSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := c.Run(canceled(t), io.Discard)
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`can0\x1b`}, stats.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	var unknown *capture.NoInterfaceError
	if _, err := capture.Open(enter, capture.Options{Interface: "can0\x1b"}); !errors.As(err, &unknown) || unknown.Why == "" {
		t.Errorf("error %v, want *NoInterfaceError that says why", err)
	}
}
