package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lineStart begins each line of a log of Version.
const lineStart = `{"v":1,"seq":`

// maxKept bounds what is read of lines that were kept elsewhere.
const maxKept = 1 << 20

// readKept reads lines that a sink has got. What a line has before, as syslog puts there, and lines
// of others, are passed over.
func readKept(r io.Reader) (map[uint64]string, error) {
	kept := map[uint64]string{}
	in := bufio.NewReaderSize(r, readLimit)
	skip := false
	for {
		line, err := in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if !skip && !long {
			if at := bytes.Index(line, []byte(lineStart)); at >= 0 {
				text := bytes.TrimRight(line[at:], "\r\n")
				if e, perr := parse(text); perr == nil {
					kept[e.Seq] = digest(text)
				}
			}
		}
		skip = long
		if len(kept) > maxKept {
			return nil, fmt.Errorf("read what was kept elsewhere: more than %d lines", maxKept)
		}
		if err != nil && !long {
			if errors.Is(err, io.EOF) {
				return kept, nil
			}
			return nil, fmt.Errorf("read what was kept elsewhere: %w", err)
		}
	}
}
