package capture

import (
	"io"

	"dlx/capture/pcapng"
	"dlx/internal/linux"
)

// Merger merges blocks that did not come out of a ring, for tests and benchmarks.
type Merger struct{ c Capture }

// NewMerger makes one for n Ethernet interfaces.
func NewMerger(n int) *Merger {
	m := &Merger{Capture{o: Options{SnapLen: DefaultSnapLen}, perLink: make([]pcapng.Statistics, n)}}
	for range n {
		m.c.links = append(m.c.links, link{linkType: linkEthernet})
	}
	return m
}

// Merge writes the packets of a block of each interface.
func (m *Merger) Merge(w io.Writer, blocks ...[]byte) (Stats, error) {
	m.c.blocks = m.c.blocks[:0]
	for i, mem := range blocks {
		m.c.add(i, linux.NewBlock(mem))
	}
	if err := m.c.merge(w); err != nil {
		return m.c.stats, err
	}
	return m.c.stats, m.c.flush(w)
}
