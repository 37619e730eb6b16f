package applet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
)

// errNoMore ends a source of values.
var errNoMore = errors.New("no more values")

// valueReader gives values until errNoMore.
type valueReader interface{ next() (any, error) }

// jqInputs are the values of jq's input, which the filter's input and inputs take from too. It is a gojq.Iter.
type jqInputs struct {
	files              []string
	raw, slurp, stream bool

	opened  bool
	current *os.File
	name    any
	values  valueReader
	done    bool
}

// Next is the next value, or an error as the value.
func (in *jqInputs) Next() (any, bool) {
	if in.done {
		return nil, false
	}
	if in.slurp {
		in.done = true
		v, err := in.all()
		return orError(v, err), true
	}
	v, err := in.one()
	if errors.Is(err, errNoMore) {
		in.done = true
		return nil, false
	}
	if err != nil {
		in.done = true // jq gives up on input that is no JSON
	}
	return orError(v, err), true
}

func orError(v any, err error) any {
	if err != nil {
		return err
	}
	return v
}

// all is --slurp: one array, or with --raw-input one string.
func (in *jqInputs) all() (any, error) {
	list, text := []any{}, strings.Builder{}
	for {
		v, err := in.one()
		switch {
		case errors.Is(err, errNoMore) && in.raw:
			return text.String(), nil
		case errors.Is(err, errNoMore):
			return list, nil
		case err != nil:
			return nil, err
		case in.raw:
			text.WriteString(v.(string))
		default:
			list = append(list, v)
		}
	}
}

func (in *jqInputs) one() (any, error) {
	for {
		if in.values == nil {
			if err := in.open(); err != nil {
				return nil, err
			}
		}
		v, err := in.values.next()
		if !errors.Is(err, errNoMore) {
			return v, err
		}
		in.values = nil
		in.current.Close()
	}
}

// open goes to the next file, or to standard input if there are none.
func (in *jqInputs) open() (err error) {
	switch {
	case len(in.files) > 0:
		if in.current, err = os.Open(in.files[0]); err != nil {
			return err
		}
		in.name, in.files = in.files[0], in.files[1:]
	case in.opened:
		return errNoMore
	default:
		in.current = os.Stdin
	}
	in.opened = true
	switch {
	case in.raw:
		in.values = &lineReader{bufio.NewReader(in.current), in.slurp}
	case in.stream:
		in.values = &streamReader{values: newJSONReader(in.current)}
	default:
		in.values = newJSONReader(in.current)
	}
	return nil
}

func (in *jqInputs) filename() any { return in.name }

func (in *jqInputs) where() string {
	if name, ok := in.name.(string); ok {
		return name
	}
	return "<stdin>"
}

// lineReader gives lines as strings; whole keeps their ends.
type lineReader struct {
	r     *bufio.Reader
	whole bool
}

func (l *lineReader) next() (any, error) {
	line, err := l.r.ReadString('\n')
	if line == "" && errors.Is(err, io.EOF) {
		return nil, errNoMore
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !l.whole {
		line = strings.TrimSuffix(line, "\n")
	}
	return line, nil
}

// jsonReader gives the values of a text; numbers stay as they are written.
type jsonReader struct{ dec *json.Decoder }

func newJSONReader(r io.Reader) *jsonReader {
	buffered := bufio.NewReader(r)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(3)
	}
	dec := json.NewDecoder(buffered)
	dec.UseNumber()
	return &jsonReader{dec}
}

func (j *jsonReader) next() (any, error) {
	var v any
	err := j.dec.Decode(&v)
	if errors.Is(err, io.EOF) {
		return nil, errNoMore
	}
	return v, err
}

func parseJSON(text string) (any, error) {
	r := newJSONReader(strings.NewReader(text))
	v, err := r.next()
	if err != nil {
		return nil, err
	}
	if _, err := r.next(); !errors.Is(err, errNoMore) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

// streamReader is --stream: for every leaf its path and value, and for the end of each array and object its path.
type streamReader struct {
	values *jsonReader
	queue  []any
}

func (s *streamReader) next() (any, error) {
	for len(s.queue) == 0 {
		v, err := s.values.next()
		if err != nil {
			return nil, err
		}
		s.leaves(nil, v, true)
	}
	v := s.queue[0]
	s.queue = s.queue[1:]
	return v, nil
}

func (s *streamReader) leaves(path []any, v any, top bool) {
	at := func(key any) []any { return append(append([]any{}, path...), key) }
	var last any
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			s.leaves(at(i), e, false)
			last = i
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			s.leaves(at(key), v[key], false)
			last = key
		}
	}
	if last == nil {
		s.queue = append(s.queue, []any{append([]any{}, path...), v})
		return
	}
	if len(path) > 0 || top {
		s.queue = append(s.queue, []any{at(last)})
	}
}
