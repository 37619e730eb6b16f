package audit_test

import (
	"context"
	"os"
	"sync"
	"testing"

	"dlx/record/audit"
)

// BenchmarkAppend is how long a begin and its end take, each on the disk.
func BenchmarkAppend(b *testing.B) {
	for name, late := range map[string]bool{"sealed": false, "late": true} {
		for workers, title := range map[int]string{1: "one", 50: "fifty"} {
			b.Run(name+"/"+title, func(b *testing.B) {
				l := open(b, logDir(b), audit.Options{LateSeal: late})
				var wg sync.WaitGroup
				work := make(chan struct{})
				b.ResetTimer()
				for range workers {
					wg.Go(func() {
						for range work {
							id := newID()
							for _, e := range []audit.Entry{begin(id), end(id)} {
								if _, err := l.Append(context.Background(), e); err != nil {
									b.Error(err)
								}
							}
						}
					})
				}
				for range b.N {
					work <- struct{}{}
				}
				close(work)
				wg.Wait()
				b.ReportMetric(float64(2*b.N)/b.Elapsed().Seconds(), "appends/s")
				b.StopTimer()
				closeLog(b, l)
			})
		}
	}
}

// BenchmarkVerify is how fast a log is verified.
func BenchmarkVerify(b *testing.B) {
	dir := logDir(b)
	l := open(b, dir, audit.Options{LateSeal: true})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 100 {
				id := newID()
				appendAll(b, l, begin(id), end(id))
			}
		})
	}
	wg.Wait()
	closeLog(b, l)
	entries := uint64(0)
	for b.Loop() {
		r, err := audit.Verify(os.DirFS(dir), audit.VerifyOptions{})
		if err != nil || !r.OK() {
			b.Fatal(err)
		}
		entries += r.Entries
	}
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
}
