package target

import "time"

// State is what a runtime says of a container.
type State string

// The states that dlx tells apart; a runtime's other ones are passed through.
const (
	Running State = "running"
	Paused  State = "paused"
	Created State = "created"
	// Restarting is between an end and the start that the restart policy asks for.
	Restarting State = "restarting"
	Exited     State = "exited"
)

// Live says whether there is a process to join.
func (s State) Live() bool { return s == Running || s == Paused }

// Info is what a runtime says of a container, as plain data.
type Info struct {
	Runtime    string            `json:"runtime"` // "docker", "pid"
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Image      string            `json:"image"`
	Labels     map[string]string `json:"labels,omitempty"`
	Env        []string          `json:"-"` // as a runtime tells it; see Target.Environ
	WorkingDir string            `json:"working_dir,omitempty"`
	User       string            `json:"user,omitempty"`
	State      State             `json:"state"`
	PID        int               `json:"pid"`
	Started    time.Time         `json:"started,omitzero"`
	Layers     Layers            `json:"layers,omitzero"`
}

// Layers are the host directories of a container's file system, from the runtime's API and never from the container's
// own mountinfo, which it can forge. Empty ones are not known.
type Layers struct {
	Merged string   `json:"merged,omitempty"` // the mounted overlay; there while the container runs
	Upper  string   `json:"upper,omitempty"`  // the writable layer
	Lower  []string `json:"lower,omitempty"`  // the image's layers, uppermost first
}
