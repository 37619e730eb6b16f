package dissect_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture/dissect"
	"dlx/capture/linktype"
	"dlx/internal/testutil"
)

var when = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

// tcpdump prints frames, each of which is cut to some bytes.
func tcpdump(t *testing.T, list []frame, snap int, args ...string) [][]string {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		data := f.data[:min(snap, len(f.data))]
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: when, CaptureLength: len(data), Length: len(f.data)}, data); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testutil.RequireTool(t, "tcpdump"), append([]string{"-r", name, "-tt", "-nn"}, args...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	const stamp = "1767323045.678901 " // what a packet's first line begins with
	var packets [][]string
	for line := range strings.Lines(string(out)) {
		if text, ok := strings.CutPrefix(line, stamp); ok {
			packets = append(packets, nil)
			line = text
		}
		if len(packets) == 0 {
			t.Fatalf("tcpdump prints %q", line)
		}
		last := &packets[len(packets)-1]
		*last = append(*last, strings.TrimRight(line, " \n"))
	}
	return packets
}

// differs are the frames of which tcpdump says something else, and why dlx does.
var differs = map[string]string{
	"icmp6 admin":      "no second space",
	"short tcp header": "in the words of newer versions",
	"long tcp header":  "in the words of newer versions",
	"dhcp":             "nothing of one that is cut",
	"unknown type":     "no dump unless asked for",
}

// shorter are those of which tcpdump says more with -v.
var shorter = map[string]bool{"ntp": true, "hop by hop": true, "igmp report 3": true, "icmp6 solicitation": true, "icmp6 advertisement": true, "icmp6 router solicitation": true}

// question is what an answer of DNS repeats; tcpdump does with -vv.
var question = regexp.MustCompile(` q: .*\?( \S+\.)`)

// TestTcpdump compares every frame with what tcpdump prints of it.
func TestTcpdump(t *testing.T) {
	list := frames(t)
	modes := []struct {
		name string
		args []string
		snap int
		o    dissect.Options
	}{
		{"plain", nil, 65535, dissect.Options{}},
		{"link", []string{"-e"}, 65535, dissect.Options{Link: true}},
		{"quick", []string{"-q"}, 65535, dissect.Options{Quick: true}},
		{"quick link", []string{"-q", "-e"}, 65535, dissect.Options{Quick: true, Link: true}},
		{"verbose", []string{"-v"}, 65535, dissect.Options{Verbose: 1}},
		{"more verbose", []string{"-vv"}, 65535, dissect.Options{Verbose: 2}},
		{"absolute", []string{"-S"}, 65535, dissect.Options{Absolute: true}},
		{"hex", []string{"-x"}, 65535, dissect.Options{Dump: dissect.Hex}},
		{"hex and text", []string{"-XX"}, 65535, dissect.Options{Dump: dissect.BothLink}},
		{"text", []string{"-A"}, 65535, dissect.Options{Dump: dissect.Text}},
		{"cut", nil, 54, dissect.Options{}},
	}
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			want := tcpdump(t, list, m.snap, m.args...)
			if len(want) != len(list) {
				t.Fatalf("tcpdump prints %d packets of %d", len(want), len(list))
			}
			m.o.Clock = dissect.NoClock
			p := dissect.New(m.o)
			for i, f := range list {
				data := f.data[:min(m.snap, len(f.data))]
				text := p.Text(&dissect.Packet{Time: when, Link: linktype.Ethernet, Data: data, Length: len(f.data)})
				var got []string
				for line := range strings.SplitSeq(text, "\n") {
					got = append(got, strings.TrimRight(line, " "))
				}
				lines := strings.Join(got, "\n")
				if m.o.Verbose < 2 {
					lines = question.ReplaceAllString(lines, "")
				}
				wanted := strings.Join(want[i], "\n")
				if before, _, cut := strings.Cut(wanted, "[|"); cut { // tcpdump gives up there
					wanted, lines = strings.TrimRight(before, " ["), lines[:min(len(lines), len(strings.TrimRight(before, " [")))]
				}
				verbose := m.o.Verbose > 0 && (shorter[f.name] || shorter[f.name[:len(f.name)-1]])
				if lines != wanted && differs[f.name] == "" && !verbose {
					t.Errorf("%s:\n  tcpdump %s\n  dlx     %s", f.name, strings.Join(want[i], "\n          "), strings.Join(got, "\n          "))
				}
			}
		})
	}
}
