package engine

import (
	"os"
	"path/filepath"
	"time"

	"dlx/toolbox"
)

// StateVariable names the environment variable of the directory in which dlx keeps what outlives it.
const StateVariable = "DLX_STATE_DIR"

// defaultState is that directory where the variable is not set.
const defaultState = "/var/lib/dlx"

// Toolboxes is the store of toolboxes: below DLX_STATE_DIR, or /var/lib/dlx.
func Toolboxes() *toolbox.Store {
	dir := os.Getenv(StateVariable)
	if dir == "" {
		dir = defaultState
	}
	return toolbox.NewStore(filepath.Join(dir, "toolboxes"))
}

// ToolboxPolicy is which toolboxes this machine and its user take now.
func ToolboxPolicy(s *toolbox.Store) (*toolbox.Policy, error) {
	trust, err := toolbox.LoadTrust(toolbox.Configs()...)
	if err != nil {
		return nil, err
	}
	seen, err := s.Seen()
	if err != nil {
		return nil, err
	}
	return &toolbox.Policy{Trust: trust, Now: time.Now(), Seen: seen}, nil
}
