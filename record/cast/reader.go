package cast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// Bounds of what is read, in bytes: those of other recorders write what their sessions wrote at
// once.
const maxLine = 4 << 20

// Reader reads a recording.
type Reader struct {
	in   *bufio.Reader
	long []byte // of a line that is longer than in's buffer
	head Header
	line int
	last time.Duration
}

// NewReader reads a recording's header. What is no asciicast of version 2 is an error.
func NewReader(r io.Reader) (*Reader, error) {
	c := &Reader{in: bufio.NewReaderSize(r, 64<<10)}
	line, err := c.next()
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	}
	if err == nil {
		err = json.Unmarshal(line, &c.head)
	}
	if err == nil && c.head.Version != 2 {
		err = fmt.Errorf("it is of version %d, and 2 is known", c.head.Version)
	}
	if err == nil && (c.head.Width < 0 || c.head.Height < 0) {
		err = errors.New("its size is below zero")
	}
	if err != nil {
		return nil, fmt.Errorf("read the recording: no asciicast: %w", err)
	}
	return c, nil
}

// Header is the recording's.
func (c *Reader) Header() Header { return c.head }

// next returns the next line that is not empty, without its end.
func (c *Reader) next() ([]byte, error) {
	for {
		line, err := c.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for c.long = c.long[:0]; errors.Is(err, bufio.ErrBufferFull) && len(c.long) < maxLine; {
				c.long = append(c.long, line...)
				line, err = c.in.ReadSlice('\n')
			}
			c.long = append(c.long, line...)
			line = c.long
		}
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("line %d is longer than %d bytes", c.line+1, maxLine)
		case err != nil && (!errors.Is(err, io.EOF) || len(line) == 0):
			return nil, err
		}
		c.line++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

// Next returns the next event, or io.EOF. Its time is never before that of the one before. A last
// line that was cut off, as by kill -9, is io.ErrUnexpectedEOF.
func (c *Reader) Next() (Event, error) {
	line, err := c.next()
	if errors.Is(err, io.EOF) {
		return Event{}, io.EOF
	}
	var e Event
	if err == nil {
		e, err = parseEvent(line)
	}
	if err != nil {
		if _, perr := c.in.Peek(1); errors.Is(perr, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Event{}, fmt.Errorf("read the recording: line %d: %w", c.line, err)
	}
	c.last = max(c.last, e.Time)
	e.Time = c.last
	return e, nil
}

func parseEvent(line []byte) (e Event, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(line, &parts); err != nil {
		return e, err
	}
	if len(parts) != 3 {
		return e, fmt.Errorf("an event has 3 parts, not %d", len(parts))
	}
	var seconds float64
	err = errors.Join(json.Unmarshal(parts[0], &seconds), json.Unmarshal(parts[1], &e.Code), json.Unmarshal(parts[2], &e.Data))
	if err != nil {
		return e, err
	}
	if seconds < 0 || seconds > math.MaxInt64/float64(2*time.Second) {
		return e, fmt.Errorf("%g seconds are no time", seconds)
	}
	e.Time = time.Duration(seconds * float64(time.Second))
	return e, nil
}
