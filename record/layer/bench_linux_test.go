package layer_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"dlx/record/layer"
)

// BenchmarkChanged is a walk through 10,000 files in 100 directories, none of which has changed.
func BenchmarkChanged(b *testing.B) {
	dir := b.TempDir()
	for i := range 100 {
		must(b, os.Mkdir(fmt.Sprintf("%s/%d", dir, i), 0o700))
		for j := range 100 {
			must(b, os.WriteFile(fmt.Sprintf("%s/%d/%d", dir, i, j), nil, 0o600))
		}
	}
	since := time.Now().Add(time.Second)
	for b.Loop() {
		if c := layer.Changed(b.Context(), dir, since); len(c.List) > 0 || c.Unknown != "" {
			b.Fatalf("%+v", c)
		}
	}
}
