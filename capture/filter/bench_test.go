package filter_test

import (
	"slices"
	"testing"
	"time"

	"dlx/capture/filter"
)

// BenchmarkCompile compiles expressions of everyday length.
func BenchmarkCompile(b *testing.B) {
	for _, expr := range []string{
		"tcp", "port 80", "host 10.0.0.1", "tcp port 80 and host 10.0.0.1", "not port 22 and not arp", "src net 10.0.0.0/8 and (tcp or udp)",
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
	} {
		b.Run(expr, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet, Extensions: filter.Live}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCompileCorpus compiles the corpus again and again. It reports the median time.
func BenchmarkCompileCorpus(b *testing.B) {
	opts := options(b, "EN10MB")
	list := readList(b, "expressions.txt")
	took := make([]time.Duration, len(list))
	for b.Loop() {
		for i, expr := range list {
			start := time.Now()
			if _, err := filter.Compile(expr, opts); err != nil {
				b.Fatal(err)
			}
			took[i] += time.Since(start)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/float64(b.N), "median-ns/expression")
	b.ReportMetric(float64(took[len(took)*9/10].Nanoseconds())/float64(b.N), "p90-ns/expression")
	b.ReportMetric(0, "ns/op")
}
