package filter_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dlx/capture/filter"
	"dlx/internal/testutil"
)

// TestFileForm compares programs for files with those of tcpdump -r, which knows that it reads one.
func TestFileForm(t *testing.T) {
	tcpdump := testutil.RequireTool(t, "tcpdump")
	for _, link := range filter.LinkTypes() {
		for _, big := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "empty.pcap")
			if err := os.WriteFile(path, emptyFile(link, big), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, expr := range []string{
				"ip", "ip6", "tcp port 80", "host 2001:db8::1", "vlan", "vlan 100 and ip", "inbound", "outbound", "ifindex 3", "arp", "not ip6", "geneve and ip6",
			} {
				var want machine
				out, err := exec.CommandContext(t.Context(), tcpdump, "-r", path, "-ddd", "--", expr).Output()
				if err == nil {
					if want, err = readProgram(bytes.NewReader(out)); err != nil {
						t.Fatal(err)
					}
				}
				got, err := filter.Compile(expr, filter.Options{Link: link, Snaplen: 65535, BigEndian: big})
				if (err == nil) != (want != nil) {
					t.Errorf("%s %q: error %v, tcpdump accepts it: %v", link, expr, err, want != nil)
				} else if err == nil && machine(got.Raw()).text() != want.text() {
					t.Errorf("%s, big endian %v, %q:\n%s\ntcpdump's:\n%s", link, big, expr, machine(got.Raw()).text(), want.text())
				}
			}
		}
	}
}

func (m machine) text() string {
	var b []byte
	for _, i := range m {
		b = fmt.Appendln(b, i.Op, i.Jt, i.Jf, i.K)
	}
	return string(b)
}

// emptyFile is a pcap file without packets (pcap-savefile(5)).
func emptyFile(link filter.LinkType, big bool) []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	b := order.AppendUint32(nil, 0xa1b2c3d4)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, 65535)
	return order.AppendUint32(b, uint32(link))
}
