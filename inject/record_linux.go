package inject

import (
	"path"
	"slices"
	"strings"
	"time"

	"dlx/toolbox"
	"dlx/toolbox/layout"
)

// Record says what is, or is about to be, placed in one container.
// It gets to disk before the files.
type Record struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Temp     string    `json:"temp"`               // the directory's name while it is being filled
	Placed   bool      `json:"placed"`             // the directory has its final name
	Removing bool      `json:"removing,omitempty"` // it is being taken out
	Started  time.Time `json:"started"`
	Files    []Placed  `json:"files"`

	Toolboxes []toolbox.Part `json:"toolboxes,omitempty"` // the first one's files win; none in an older dlx's records
	Shell     string         `json:"shell,omitempty"`     // its path in the container; "" if there is none
	Program   string         `json:"program,omitempty"`   // what else can be run, where there is no shell
}

// Placed is one file below the toolbox's directory.
type Placed struct {
	Path   string `json:"path"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Link   string `json:"link,omitempty"`
}

func newRecord(layer Layer, temp string, box *toolbox.Verified) *Record {
	r := &Record{ID: layer.ID, Name: layer.Name, Temp: temp, Started: time.Now().UTC(), Toolboxes: box.Parts()}
	r.Shell, r.Program = programs(box)
	for _, f := range box.Files() {
		r.Files = append(r.Files, Placed{Path: f.Path, Size: f.Size, SHA256: f.SHA256, Link: f.Link})
	}
	return r
}

// programs names a shell, else the first program. What has a shell's name may be no shell.
func programs(box *toolbox.Verified) (shell, program string) {
	for _, name := range layout.Shells {
		if box.Runs(name) {
			return path.Join(Dir, name), ""
		}
	}
	for _, f := range box.Files() {
		if strings.HasPrefix(f.Path, layout.Bin+"/") && box.Runs(f.Path) {
			return "", path.Join(Dir, f.Path)
		}
	}
	return "", ""
}

// IsOf says whether just these toolboxes were placed, in this order. The last one is what comes
// with dlx, and may be another dlx's.
func (r *Record) IsOf(parts []toolbox.Part) bool {
	same := func(a, b toolbox.Part) bool { return a.Digest == b.Digest }
	return slices.EqualFunc(r.Toolboxes[:max(len(r.Toolboxes)-1, 0)], parts[:len(parts)-1], same)
}
