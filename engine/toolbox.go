package engine

import (
	"time"

	"dlx/toolbox"
)

// ToolboxRef says which toolbox is meant: a ToolboxName or a ToolboxFile.
type ToolboxRef interface{ toolboxRef() }

// ToolboxName is NAME or NAME@VERSION of the engine's store.
type ToolboxName string

// ToolboxFile is the path of an archive or a folder on the engine's machine.
type ToolboxFile string

func (ToolboxName) toolboxRef() {}
func (ToolboxFile) toolboxRef() {}

// Toolbox is what an engine says of a toolbox.
type Toolbox struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Sequence uint64    `json:"sequence"`
	Arch     string    `json:"arch"`
	Digest   string    `json:"digest,omitempty"`
	Key      string    `json:"key,omitempty"` // who vouches for it
	Vouched  string    `json:"-"`             // the same as a sentence
	Created  time.Time `json:"-"`
	NotAfter time.Time `json:"not_after,omitzero"`
	Files    int       `json:"-"`
	Bytes    int64     `json:"-"`                 // of all files
	Refused  string    `json:"refused,omitempty"` // why it would not be taken
	File     string    `json:"file,omitempty"`

	Packages []toolbox.Package `json:"packages,omitempty"`
}
