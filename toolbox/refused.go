package toolbox

import (
	"fmt"

	"dlx/fault"
)

// Reason is why a toolbox is refused: a name that stays, and an error for errors.Is.
type Reason string

func (r Reason) Error() string { return string(r) }

// The reasons.
const (
	ErrUnsigned     Reason = "unsigned"
	ErrOtherPayload Reason = "signed for another manifest"
	ErrUnknownKey   Reason = "signed by an unknown key"
	ErrRevokedKey   Reason = "signed by a revoked key"
	ErrChanged      Reason = "changed bytes"
	ErrMissing      Reason = "missing file"
	ErrExtra        Reason = "extra file"
	ErrSize         Reason = "wrong size"
	ErrMode         Reason = "wrong mode"
	ErrPath         Reason = "bad path"
	ErrArch         Reason = "wrong architecture"
	ErrDynamic      Reason = "dynamic program without its loader"
	ErrProgram      Reason = "broken program"
	ErrExpired      Reason = "expired"
	ErrOlder        Reason = "older than one already used"
	ErrSBOM         Reason = "bill of materials that does not match"
	ErrManifest     Reason = "bad manifest"
)

// refuse says why a toolbox is not taken, in a fault.ToolboxRefused that has the reason as its
// detail. path is that of the file it is about, or empty.
func refuse(reason Reason, path, format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	if path != "" {
		why = fmt.Sprintf("%.120q %s", path, why)
	}
	e := fault.New(fault.ToolboxRefused, path, "toolbox refused: %s", why)
	e.Err = reason
	return e.With(string(reason))
}
