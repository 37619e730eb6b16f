package toolbox

import (
	"errors"
	"fmt"
)

// Reasons why a toolbox is refused. Each has a hint of its own.
var (
	ErrUnsigned     = errors.New("unsigned")
	ErrOtherPayload = errors.New("signed for another manifest")
	ErrUnknownKey   = errors.New("signed by an unknown key")
	ErrRevokedKey   = errors.New("signed by a revoked key")
	ErrChanged      = errors.New("changed bytes")
	ErrMissing      = errors.New("missing file")
	ErrExtra        = errors.New("extra file")
	ErrSize         = errors.New("wrong size")
	ErrMode         = errors.New("wrong mode")
	ErrPath         = errors.New("bad path")
	ErrArch         = errors.New("wrong architecture")
	ErrDynamic      = errors.New("dynamic program without its loader")
	ErrProgram      = errors.New("broken program")
	ErrExpired      = errors.New("expired")
	ErrOlder        = errors.New("older than one already used")
	ErrSBOM         = errors.New("bill of materials that does not match")
	ErrManifest     = errors.New("bad manifest")
)

// rebuilt is the hint about a bundle that nobody can have made so.
const rebuilt = "it was damaged or tampered with: get it again from where you trust it"

var hints = map[error]string{
	ErrUnsigned:     "sign it with `dlx toolbox sign`, or use one that is signed",
	ErrOtherPayload: rebuilt,
	ErrUnknownKey:   "if you trust the key, put its .pub file into " + SystemConfig + "/" + TrustedName,
	ErrRevokedKey:   "get one that is signed with a key in use; revoked keys are in " + SystemConfig + "/" + RevokedName,
	ErrChanged:      rebuilt,
	ErrMissing:      rebuilt,
	ErrExtra:        rebuilt,
	ErrSize:         rebuilt,
	ErrMode:         "build it again: files are not setuid, setgid or writable by others",
	ErrPath:         "build it again: paths are relative, clean and inside the toolbox",
	ErrArch:         "get the one for this machine",
	ErrDynamic:      "build it with `dlx toolbox build`, which takes loaders and libraries along, or use static programs",
	ErrProgram:      rebuilt,
	ErrExpired:      "get a newer one; if this machine's clock is wrong, set it",
	ErrOlder:        "get the newer one again; if going back is what you want, remove the record that the error names",
	ErrSBOM:         rebuilt,
	ErrManifest:     rebuilt,
}

// RefusedError says why a toolbox is not taken. It wraps the reason.
type RefusedError struct {
	Path   string // of the file it is about, or ""
	Reason error
	Why    string
}

func refuse(reason error, path, format string, args ...any) error {
	return &RefusedError{path, reason, fmt.Sprintf(format, args...)}
}

func (e *RefusedError) Error() string {
	if e.Path == "" {
		return "toolbox refused: " + e.Why
	}
	return fmt.Sprintf("toolbox refused: %.120q %s", e.Path, e.Why)
}

func (e *RefusedError) Unwrap() error { return e.Reason }

// Hint says what to do.
func (e *RefusedError) Hint() string { return hints[e.Reason] }
