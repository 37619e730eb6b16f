package engine

// The names of checks that do not only tell what the kernel lacks.
const (
	CheckPrivileges = "privileges"
	CheckToolbox    = "toolbox"
	CheckInjected   = "injected"
)

// Check is one thing that the work takes.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do on the machine when it is not OK
	Err    error  `json:"-"`                // why it is not OK, if that is an error
}
