package metrics

import (
	"bytes"
	"io"
	"math"
	"strconv"
	"strings"
)

// WriteTo writes all metrics in Prometheus's text format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
func (m *Set) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	for _, f := range m.families() {
		f.write(&b)
	}
	return b.WriteTo(w)
}

func (f *family) write(b *bytes.Buffer) {
	b.WriteString("# HELP " + f.name + " " + f.help + "\n# TYPE " + f.name + " " + string(f.kind) + "\n")
	if f.read != nil {
		f.read(func(value float64, labels ...string) { f.line(b, "", labels, "", number(value)) })
	}
	for _, s := range f.all() {
		if f.kind != histogram {
			f.line(b, "", s.labels, "", strconv.FormatInt(s.value.Load(), 10))
			continue
		}
		count := uint64(0) // buckets hold what is below them too
		for i := range s.counts {
			count += s.counts[i].Load()
			bound := math.Inf(1)
			if i < len(f.bounds) {
				bound = f.bounds[i]
			}
			f.line(b, "_bucket", s.labels, number(bound), strconv.FormatUint(count, 10))
		}
		f.line(b, "_sum", s.labels, "", number(math.Float64frombits(s.sum.Load())))
		f.line(b, "_count", s.labels, "", strconv.FormatUint(count, 10))
	}
}

// line writes a value. le is the bound of a bucket, "" for what is none.
func (f *family) line(b *bytes.Buffer, suffix string, labels []string, le, value string) {
	b.WriteString(f.name + suffix)
	open := byte('{')
	pair := func(name, value string) {
		b.WriteByte(open)
		b.WriteString(name + `="` + escape.Replace(value) + `"`)
		open = ','
	}
	for i, name := range f.labels {
		pair(name, labels[i])
	}
	if le != "" {
		pair("le", le)
	}
	if open == ',' {
		b.WriteByte('}')
	}
	b.WriteString(" " + value + "\n")
}

// escape is for labels' values, as the format says.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
