package containerd

import (
	"context"
	"time"
)

// Limit bounds each question from here on.
func (r *Runtime) Limit(d time.Duration) { r.limit = d }

// EntriesWithin is how many containers of a namespace are listed in a number of bytes.
func (r *Runtime) EntriesWithin(ctx context.Context, namespace string, bytes int) (int, error) {
	all, err := r.entriesOf(ctx, namespace, nil, &budget{left: bytes})
	return len(all), err
}
