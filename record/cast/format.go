package cast

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"dlx/internal/printable"
)

// Suffix ends the names of recordings.
const Suffix = ".cast"

// Header is the first line of a recording.
type Header struct {
	Version   int               `json:"version"` // 2
	Width     int               `json:"width"`   // columns
	Height    int               `json:"height"`  // rows
	Timestamp int64             `json:"timestamp,omitempty"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
}

// Code is what an event tells.
type Code string

// The codes. Readers pass over others.
const (
	Output Code = "o"
	Input  Code = "i"
	Resize Code = "r" // COLUMNSxROWS
	Marker Code = "m"
)

// Event is a line of a recording.
type Event struct {
	Time time.Duration // since the beginning
	Code Code
	Data string
}

// line is the event as the format has it, with its line feed. Characters that could steer a
// terminal are escaped, for who looks at the file itself.
func (e *Event) line() ([]byte, error) {
	data, err := text(e.Data)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "[%s, %q, %s]\n", strconv.FormatFloat(e.Time.Seconds(), 'f', 6, 64), e.Code, data), nil
}

func (h *Header) line() ([]byte, error) {
	data, err := text(h)
	return append(data, '\n'), err
}

// text is JSON.
func text(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a recording: %w", err)
	}
	return printable.JSON(data), nil
}

// decoder makes text of a stream's bytes.
type decoder struct{ rest []byte }

// text returns what is whole. The beginning of a character is kept for the next call.
func (d *decoder) text(p []byte) string {
	all := slices.Concat(d.rest, p)
	end := len(all)
	for n := 1; n < utf8.UTFMax && n <= len(all); n++ {
		if c := all[len(all)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(all[len(all)-n:]) {
				end = len(all) - n
			}
			break
		}
	}
	s := string([]rune(string(all[:end]))) // each byte that is none becomes U+FFFD
	d.rest = all[end:]
	return s
}

// end returns what never got whole.
func (d *decoder) end() string {
	s := string([]rune(string(d.rest)))
	d.rest = nil
	return s
}
