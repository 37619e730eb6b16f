package metrics_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"dlx/agent/metrics"
	"dlx/fault"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

func text(t testing.TB, m *metrics.Set) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNames: the names, kinds and labels of metrics are what dashboards rely on.
func TestNames(t *testing.T) {
	var got strings.Builder
	for _, one := range metrics.New("1.2.3").Metrics() {
		line := one.Kind + " " + one.Name + " " + strings.Join(one.Labels, ",")
		fmt.Fprintln(&got, strings.TrimSpace(line))
	}
	want, err := os.ReadFile("testdata/names")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("testdata/names (-want +got):\n%s", diff)
	}
}

// TestDocumented: docs/operating.md has every metric.
func TestDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| metric | kind | labels | is |\n| --- | --- | --- | --- |\n")
	for _, one := range metrics.New("").Metrics() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", one.Name, one.Kind, strings.Join(one.Labels, ", "), one.Help)
	}
	testutil.Section(t, "docs/operating.md", "metrics", b.String())
}

// TestFormat: Prometheus's own parser takes what is written, and finds in it what was counted.
func TestFormat(t *testing.T) {
	m := metrics.New(`a "version"` + "\n" + `\`)
	m.Watch(func() metrics.State { return metrics.State{Ready: true} })
	ended := m.Call("debug")
	ended.Began()
	ended.Sent(7)
	ended.End(fault.New(fault.Refused, "", "no"))
	m.Call("debug")
	m.Call("capture").Packets(5, 2)
	m.Decided("debug", "docker", 30*time.Microsecond, nil)
	m.Decided("debug", "docker", 40*time.Second, fault.New(fault.NoRecord, "", "gone"))
	m.Recorded(2*time.Millisecond, errors.New("full"))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string, labels ...string) float64 {
		t.Helper()
		for _, one := range families[name].GetMetric() {
			var have []string
			for _, l := range one.GetLabel() {
				have = append(have, l.GetValue())
			}
			if strings.Join(have, " ") == strings.Join(labels, " ") {
				return one.GetCounter().GetValue() + one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
			}
		}
		t.Errorf("no %s with %q", name, labels)
		return math.NaN()
	}
	for _, tt := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"dlx_agent_ready", nil, 1}, {"dlx_agent_record_lost", nil, 0},
		{"dlx_agent_calls_active", []string{"debug"}, 1}, {"dlx_agent_calls_active", []string{"capture"}, 1},
		{"dlx_agent_calls_total", []string{"debug", "refused"}, 1}, {"dlx_agent_errors_total", []string{"debug", "refused"}, 1},
		{"dlx_agent_start_seconds", []string{"debug"}, 1}, {"dlx_agent_call_seconds", []string{"debug"}, 1},
		{"dlx_agent_sent_bytes_total", []string{"debug"}, 7},
		{"dlx_agent_captured_packets_total", nil, 5}, {"dlx_agent_dropped_packets_total", nil, 2},
		{"dlx_agent_operations_total", []string{"debug", "docker", "admitted"}, 1},
		{"dlx_agent_operations_total", []string{"debug", "docker", "unrecorded"}, 1},
		{"dlx_agent_decision_seconds", nil, 2},
		{"dlx_agent_records_total", []string{"failed"}, 1}, {"dlx_agent_record_append_seconds", nil, 1},
	} {
		got := value(tt.name, tt.labels...)
		if got != tt.want {
			t.Errorf("%s%q is %v, want %v", tt.name, tt.labels, got, tt.want)
		}
	}
	h := families["dlx_agent_decision_seconds"].GetMetric()[0].GetHistogram()
	for _, b := range h.GetBucket() {
		want := uint64(1)
		if b.GetUpperBound() < 30e-6 {
			want = 0
		} else if math.IsInf(b.GetUpperBound(), 1) {
			want = 2
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("%d in the bucket of %v, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
	start := value("process_start_time_seconds")
	if now := float64(time.Now().Unix()); start > now+1 || start < now-24*3600 || value("process_resident_memory_bytes") < 1<<20 || value("process_open_fds") < 3 ||
		value("process_threads") < 1 || value("process_max_fds") < value("process_open_fds") {
		t.Errorf("the process's:\n%s", text(t, m))
	}
}

// TestBoundedLabels: whatever labels are given, there are only so many, and none that a person has
// chosen.
func TestBoundedLabels(t *testing.T) {
	m := metrics.New("")
	size := 0
	for i := range 3000 {
		for _, name := range []string{fmt.Sprintf("Evil%d", i), "a\nb", `x"} 1`, strings.Repeat("a", 100), fmt.Sprintf("word-%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676)} {
			m.Call(name).End(fault.New(fault.Kind(name), "", "no"))
			m.Decided(name, name, 0, nil)
		}
		if i == 2000 {
			size = len(text(t, m))
		}
	}
	few := metrics.New("")
	few.Decided("debug", "evil", 0, nil)
	if strings.Contains(text(t, few), "evil") {
		t.Error("a runtime's name is what somebody else says")
	}
	got := text(t, m)
	if strings.Contains(got, "Evil") || strings.Contains(got, "aaaaaaaa") || len(got) > size+1000 || len(got) > 4<<20 {
		t.Errorf("%d bytes after 2000 names, %d after 3000", size, len(got))
	}
}

// TestTogether: calls of many goroutines are all counted.
func TestTogether(t *testing.T) {
	m := metrics.New("")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 100 {
				c := m.Call("list")
				c.Sent(1)
				c.End(nil)
			}
			_ = text(t, m)
		})
	}
	wg.Wait()
	for _, want := range []string{`dlx_agent_sent_bytes_total{verb="list"} 2000`, `dlx_agent_calls_total{verb="list",outcome="ok"} 2000`, `dlx_agent_call_seconds_count{verb="list"} 2000`, `dlx_agent_calls_active{verb="list"} 0`} {
		if !strings.Contains(text(t, m), want+"\n") {
			t.Errorf("no %s in\n%s", want, text(t, m))
		}
	}
}
