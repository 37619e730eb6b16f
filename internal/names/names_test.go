package names

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dlx/capture/filter"
)

func machine(t *testing.T) *Machine {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"protocols": "# numbers\nicmp 1 ICMP # comment\ntcp\t6 TCP\nbad many\n",
		"networks":  "default 0.0.0.0\nloopback 127.0.0.0 lo-net\nten 10\nbad 10.x\nbig 300\n",
		"ethers":    "02:00:00:00:00:01 alpha\n2:0:0:0:0:a beta\n02:00 short\n02:00:00:00:00:zz bad\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return in(t.Context(), dir)
}

func TestFiles(t *testing.T) {
	m := machine(t)
	if n, err := m.Protocol("TCP"); n != 6 || err != nil {
		t.Errorf("protocol TCP: %d, %v", n, err)
	}
	for name, want := range map[string]uint32{"loopback": 127 << 24, "lo-net": 127 << 24, "ten": 10, "default": 0} {
		if n, err := m.Network(name); n != want || err != nil {
			t.Errorf("network %s: %#x, %v", name, n, err)
		}
	}
	for name, want := range map[string][6]byte{"alpha": {2, 0, 0, 0, 0, 1}, "beta": {2, 0, 0, 0, 0, 10}} {
		if mac, err := m.Ether(name); mac != want || err != nil {
			t.Errorf("ether %s: %x, %v", name, mac, err)
		}
	}
}

func TestUnknownAndBroken(t *testing.T) {
	m, empty := machine(t), in(t.Context(), t.TempDir())
	for what, look := range map[string]func(*Machine, string) error{
		"protocol": func(m *Machine, s string) error { _, err := m.Protocol(s); return err },
		"network":  func(m *Machine, s string) error { _, err := m.Network(s); return err },
		"ether":    func(m *Machine, s string) error { _, err := m.Ether(s); return err },
	} {
		for _, m := range []*Machine{m, empty} {
			if err := look(m, "nosuch"); !errors.Is(err, filter.ErrUnknownName) {
				t.Errorf("%s nosuch: %v, want ErrUnknownName", what, err)
			}
		}
		if err := look(m, "bad"); err == nil || errors.Is(err, filter.ErrUnknownName) {
			t.Errorf("%s bad: %v, want an error of the file", what, err)
		}
	}
	if _, err := m.Ether("short"); err == nil {
		t.Error("an address of two bytes is taken")
	}
	if _, err := m.Network("big"); err == nil {
		t.Error("a network of 300 is taken")
	}
}

func TestResolver(t *testing.T) {
	m := New(t.Context())
	if n, err := m.Port("http", "tcp"); n != 80 || err != nil {
		t.Errorf("http: %d, %v", n, err)
	}
	if _, err := m.Port("nosuch-service", "tcp"); !errors.Is(err, filter.ErrUnknownName) {
		t.Errorf("nosuch-service: %v", err)
	}
	addrs, err := m.Hosts("localhost")
	if err != nil || len(addrs) == 0 || !addrs[0].IsLoopback() {
		t.Errorf("localhost: %v, %v", addrs, err)
	}
	again, err := m.Hosts("localhost")
	if err != nil || &again[0] != &addrs[0] {
		t.Error("localhost was asked for twice")
	}
	if again, err = m.Offline().Hosts("localhost"); err != nil || &again[0] != &addrs[0] {
		t.Errorf("offline, localhost is not known any more: %v", err)
	}
	if _, err := m.Offline().Hosts("ip6-localhost"); !errors.Is(err, errOffline) {
		t.Errorf("offline, ip6-localhost is looked up: %v", err)
	}
}

func TestServices(t *testing.T) {
	etc := t.TempDir()
	file := "# a comment\nhttp\t80/tcp\twww # the web\ndomain 53/udp\ndomain 53/tcp\nwww 80/tcp\nodd 70000/tcp\nodd 1/xyz\nodd\n"
	if err := os.WriteFile(filepath.Join(etc, "services"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	service := servicesIn(etc)
	for _, tt := range []struct {
		port     uint16
		protocol uint8
		want     string
	}{{80, 6, "http"}, {80, 17, ""}, {53, 17, "domain"}, {1, 6, ""}, {70000 & 0xffff, 6, ""}} {
		if got := service(tt.port, tt.protocol); got != tt.want {
			t.Errorf("port %d of protocol %d is called %q, want %q", tt.port, tt.protocol, got, tt.want)
		}
	}
	if got := servicesIn(t.TempDir())(80, 6); got != "" {
		t.Errorf("without the file, port 80 is called %q", got)
	}
}
