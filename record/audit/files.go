package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Names of a log's files. The number is the sequence of the first line, so that they sort.
const (
	filePrefix = "audit-"
	fileSuffix = ".jsonl"
	tempPrefix = ".new-" // of what is not whole, and no part of the log
	fileDigits = 20
)

func fileName(seq uint64) string {
	return fmt.Sprintf("%s%0*d%s", filePrefix, fileDigits, seq, fileSuffix)
}

// fileSeq is the sequence in a file's name.
func fileSeq(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, filePrefix)
	digits, ok2 := strings.CutSuffix(digits, fileSuffix)
	seq, err := strconv.ParseUint(digits, 10, 64)
	return seq, ok && ok2 && err == nil && name == fileName(seq)
}

// Files lists a log's files, the oldest first.
func Files(dir fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	var names []string
	for _, e := range entries {
		if _, ok := fileSeq(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// lines reads a file's lines.
type lines struct {
	r      *bufio.Reader
	f      fs.File
	number int   // of the last line, from 1
	offset int64 // where it begins
	next   int64
	whole  bool // it had a line feed
}

func openLines(dir fs.FS, name string) (*lines, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the audit log: %w", err), f.Close())
	}
	return &lines{r: bufio.NewReaderSize(f, readLimit), f: f}, nil
}

// read returns the next line, which is valid until the next call, or io.EOF. Of one that is longer
// than readLimit there is the beginning.
func (l *lines) read() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	size := len(line)
	if size == 0 && err != nil {
		return nil, err
	}
	l.number++
	l.offset = l.next
	l.whole = err == nil
	if l.whole {
		line = line[:len(line)-1]
	} else if errors.Is(err, bufio.ErrBufferFull) {
		line = slices.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			var more []byte
			more, err = l.r.ReadSlice('\n')
			size += len(more)
		}
		l.whole = err == nil
	}
	l.next += int64(size)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return line, nil
}

func (l *lines) close() error { return l.f.Close() }
