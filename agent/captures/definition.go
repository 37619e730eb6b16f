package captures

import (
	"encoding/json"
	"fmt"
	"time"

	"dlx/agent/identity"
	"dlx/engine"
	"dlx/fault"
	"dlx/record"
)

// Definition is what a capture is of, and for whom.
type Definition struct {
	Caller       identity.Caller       `json:"caller"`
	Certificates [][]byte              `json:"certificates,omitempty"` // that the caller has shown, as DER
	Reason       string                `json:"reason,omitempty"`
	Request      engine.CaptureRequest `json:"request"`
	Duration     time.Duration         `json:"duration"`
}

// What a capture has that says no limit of its own.
const (
	DefaultDuration = time.Hour
	DefaultBytes    = 1 << 30
)

// maxDuration keeps a capture's end within what clocks can tell.
const maxDuration = 10 * 365 * 24 * time.Hour

// limit gives the definition the limits that it lacks.
func (d *Definition) limit() error {
	if d.Duration < 0 || d.Duration > maxDuration {
		return fault.New(fault.BadRequest, "", "a capture for %s: it is longer than nothing, and %s at most", d.Duration, maxDuration)
	}
	if d.Duration == 0 {
		d.Duration = DefaultDuration
	}
	if d.Request.MaxBytes == 0 {
		d.Request.MaxBytes = DefaultBytes
	}
	return nil
}

// state is a capture as it is on the disk.
type state struct {
	Version    int        `json:"version"`
	Definition Definition `json:"definition"`
	Info       Info       `json:"info"`
	Sections   int        `json:"sections"`        // of the file
	Paused     time.Time  `json:"paused,omitzero"` // when the agent's end closed the last one; zero: nobody has
}

// Of a state on the disk.
const (
	stateVersion = 1
	maxState     = 512 << 10 // bytes
)

// parse reads the state of the capture of an ID.
func parse(id string, data []byte) (s state, err error) {
	if err = json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read what the capture %s is: %w", id, err)
	}
	switch {
	case s.Version != stateVersion:
		err = fmt.Errorf("what the capture %s is has version %d, and this dlx knows %d", id, s.Version, stateVersion)
	case s.Info.ID != id || !record.ValidID(id):
		err = fmt.Errorf("what the capture %s is says that it is %.70q", id, s.Info.ID)
	}
	return s, err
}
