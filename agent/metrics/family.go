package metrics

import (
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// kind is a metric's, as Prometheus calls it.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// family is a metric with all values of its labels.
type family struct {
	name, help string
	kind       kind
	labels     []string
	bounds     []float64 // of a histogram's buckets, rising; +Inf comes behind them
	// read tells the values of a metric that is looked up when it is asked for.
	read func(tell func(value float64, labels ...string))

	mu     sync.Mutex
	series map[string]*series // by the labels' values
}

// series is a metric with one value of each label.
type series struct {
	labels []string
	value  atomic.Int64    // of counters and gauges
	counts []atomic.Uint64 // of a histogram's buckets, +Inf's behind them
	sum    atomic.Uint64   // of what a histogram was told: the bits of a float64
}

// maxSeries is how many a family has, whatever the labels are given.
const maxSeries = 512

// other stands for a label's value that is none of the few that there are to be.
const other = "other"

// with is the series of the labels' values. What is no word, and what is one too many, is other.
func (f *family) with(values ...string) *series {
	for i, v := range values {
		values[i] = word(v)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.series[strings.Join(values, "\x00")]
	if ok {
		return s
	}
	if len(f.series) >= maxSeries {
		for i := range values {
			values[i] = other
		}
		if s, ok := f.series[strings.Join(values, "\x00")]; ok {
			return s
		}
	}
	s = &series{labels: values}
	if f.kind == histogram {
		s.counts = make([]atomic.Uint64, len(f.bounds)+1)
	}
	if f.series == nil {
		f.series = map[string]*series{}
	}
	f.series[strings.Join(values, "\x00")] = s
	return s
}

// all are the series, in the order of their labels.
func (f *family) all() []*series {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]*series, 0, len(f.series))
	for _, s := range f.series {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *series) int { return slices.Compare(a.labels, b.labels) })
	return list
}

// word is a label's value: kinds, verbs, runtimes and outcomes are words of lower case.
func word(s string) string {
	ok := s != "" && len(s) <= 32
	for _, c := range []byte(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c == '-')
	}
	if !ok {
		return other
	}
	return s
}

func (s *series) add(n int64) { s.value.Add(n) }

// observe counts a value in its bucket, the first one whose bound is not below it.
func (s *series) observe(f *family, v float64) {
	at, _ := slices.BinarySearch(f.bounds, v)
	s.counts[at].Add(1)
	for {
		old := s.sum.Load()
		if s.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}
