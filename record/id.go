// Package record has what the audit log and the recordings of sessions share.
package record

import "strings"

// ValidID says whether a text can name an operation in the audit log, and the file of its
// recording: 1 to 64 of A-Z a-z 0-9 . _ -, not a dot first.
func ValidID(id string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	other := func(r rune) bool { return !strings.ContainsRune(allowed, r) }
	return id != "" && len(id) <= 64 && id[0] != '.' && !strings.ContainsFunc(id, other)
}

// Directories below the one of what outlives dlx.
const (
	AuditDir      = "audit"
	RecordingsDir = "recordings"
	CapturesDir   = "captures"
)
